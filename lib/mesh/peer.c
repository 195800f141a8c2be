/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"

static const struct peer_authentication *spec_of(const struct object *o)
{
	return object_spec(o, peer_authentication);
}

static bool has_selector(const struct object *o)
{
	return spec_of(o)->selector && spec_of(o)->selector->match_labels.n;
}

/* The oldest of a namespace that is for all workloads (labels NULL), or for those with the labels. */
static const struct object *oldest(const struct snapshot *s, const char *ns, const struct strmap *labels)
{
	const struct kind_list *list = s->objects.kind[KIND_PEER_AUTHENTICATION];
	size_t first, n = kind_list_range(list, ns, &first);
	const struct object *best = NULL;

	for (size_t i = first; i < first + n; i++) {
		const struct object *o = list->v[i];
		bool applies = labels ? has_selector(o) && labels_match(&spec_of(o)->selector->match_labels, labels)
				      : !has_selector(o);

		if (applies && (!best || object_compare_age(o, best) < 0))
			best = o;
	}
	return best;
}

/* The objects that decide, the widest first; a selector means nothing in the root namespace. */
struct layers {
	const struct object *v[3];
	size_t n;
};

static void add_layer(struct layers *l, const struct object *o)
{
	if (o)
		l->v[l->n++] = o;
}

static struct layers layers_of(const struct snapshot *s, const char *ns, const struct strmap *labels)
{
	const char *root = s->mesh->root_namespace;
	bool is_root = strcmp(ns, root) == 0;
	struct layers out = {0};

	if (!s->objects.kind[KIND_PEER_AUTHENTICATION]->n)
		return out;
	add_layer(&out, oldest(s, root, NULL));
	if (!is_root)
		add_layer(&out, oldest(s, ns, NULL));
	if (!is_root && labels)
		add_layer(&out, oldest(s, ns, labels));
	return out;
}

static enum mtls_mode mode_of(const struct layers *l)
{
	enum mtls_mode mode = MTLS_PERMISSIVE;

	for (size_t i = 0; i < l->n; i++)
		if (spec_of(l->v[i])->mtls && spec_of(l->v[i])->mtls->mode != MTLS_UNSET)
			mode = spec_of(l->v[i])->mtls->mode;
	return mode;
}

static int compare_ports(const void *x, const void *y)
{
	const struct peer_port *a = x, *b = y;

	return (a->port > b->port) - (a->port < b->port);
}

void peer_modes_build(const struct snapshot *s, const char *ns, const struct strmap *labels, struct arena *a,
		      struct peer_modes *out)
{
	struct layers l = layers_of(s, ns, labels);
	const struct peer_authentication *last = l.n ? spec_of(l.v[l.n - 1]) : NULL;
	struct peer_port *ports = last ? arena_array(a, struct peer_port, last->n_port_level_mtls) : NULL;
	int64_t port;

	*out = (struct peer_modes){.mode = mode_of(&l), .n_objs = l.n};
	memcpy(out->objs, l.v, sizeof(out->objs));
	for (size_t i = 0; last && i < last->n_port_level_mtls; i++) {
		enum mtls_mode mode = last->port_level_mtls[i].mode;

		if (scalar_int(last->port_level_mtls_keys[i], 1, 65535, &port) == 0)
			ports[out->n_ports++] = (struct peer_port){(uint32_t)port, mode == MTLS_UNSET ? out->mode : mode};
	}
	if (out->n_ports)
		qsort(ports, out->n_ports, sizeof(*ports), compare_ports);
	out->ports = ports;
}

enum mtls_mode peer_mode_at(const struct peer_modes *m, uint32_t port)
{
	for (size_t i = 0; i < m->n_ports; i++)
		if (m->ports[i].port == port)
			return m->ports[i].mode;
	return m->mode;
}

bool peer_disables(const struct snapshot *s, const char *ns, const struct strmap *labels, uint32_t port)
{
	struct layers l = layers_of(s, ns, labels);
	const struct peer_authentication *last = l.n ? spec_of(l.v[l.n - 1]) : NULL;
	int64_t number;

	for (size_t i = 0; last && i < last->n_port_level_mtls; i++)
		if (scalar_int(last->port_level_mtls_keys[i], 1, 65535, &number) == 0 && number == port &&
		    last->port_level_mtls[i].mode != MTLS_UNSET)
			return last->port_level_mtls[i].mode == MTLS_DISABLE;
	return mode_of(&l) == MTLS_DISABLE;
}

enum mtls_mode peer_mode_of_namespace(const struct snapshot *s, const char *ns)
{
	struct layers l = layers_of(s, ns, NULL);

	return mode_of(&l);
}

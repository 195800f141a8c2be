/* SPDX-License-Identifier: Apache-2.0 */
#include "report/ingress.h"

#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"
#include "base/vec.h"
#include "model/ingress.h"
#include "model/labels.h"
#include "store/kube_target.h"

struct address_list {
	const char **v;
	size_t n, cap;
};

static void add(struct address_list *l, const char *text, struct arena *a)
{
	if (text && (scalar_is_ip(text) || scalar_is_dns_name(text)))
		*vec_push(l, a) = text;
}

static void add_service(struct address_list *l, const struct k_service *s, struct arena *a)
{
	const struct k_load_balancer *b = s->status ? s->status->load_balancer : NULL;

	if (s->spec && s->spec->type && !strcmp(s->spec->type, "ExternalName")) {
		add(l, s->spec->external_name, a);
		return;
	}
	for (size_t i = 0; b && i < b->n_ingress; i++)
		add(l, b->ingress[i].ip && *b->ingress[i].ip ? b->ingress[i].ip : b->ingress[i].hostname, a);
	for (size_t i = 0; s->spec && i < s->spec->external_ips.n; i++)
		add(l, s->spec->external_ips.v[i], a);
}

static void add_node(struct address_list *l, const struct k_node_status *s, struct arena *a)
{
	for (size_t i = 0; s && i < s->n_addresses; i++)
		if (s->addresses[i].type && !strcmp(s->addresses[i].type, "ExternalIP"))
			add(l, s->addresses[i].address, a);
}

static void add_pods(struct address_list *l, const struct object_set *set, struct arena *a)
{
	const struct kind_list *pods = set->kind[KIND_POD];
	struct strmap selector = ingress_selector(set->mesh, a);
	size_t first, n = kind_list_range(pods, INGRESS_GATEWAY_NAMESPACE, &first);

	for (size_t i = first; i < first + n; i++) {
		const struct k_pod *p = object_spec(pods->v[i], k_pod);
		const char *phase = p->status ? p->status->phase : NULL, *name = p->spec ? p->spec->node_name : NULL;
		const struct object *node;

		if (!phase || strcmp(phase, "Running") != 0 || !name || !labels_match(&selector, &pods->v[i]->labels))
			continue;
		node = kind_list_find(set->kind[KIND_NODE], "", name);
		if (node)
			add_node(l, object_spec(node, k_node)->status, a);
	}
}

static int compare(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	bool x_is_ip = scalar_is_ip(x), y_is_ip = scalar_is_ip(y);

	return x_is_ip != y_is_ip ? y_is_ip - x_is_ip : strcmp(x, y);
}

void ingress_addresses_none(struct ingress_addresses *out)
{
	*out = (struct ingress_addresses){.hash = hash_bytes("", 0)};
}

void ingress_addresses_find(const struct object_set *set, struct arena *a, struct ingress_addresses *out)
{
	const char *service = set->mesh->ingress_service;
	const struct object *o;
	struct address_list l = {0};
	size_t n = 0;

	ingress_addresses_none(out);
	if (service && *service) {
		o = kind_list_find(set->kind[KIND_SERVICE], INGRESS_GATEWAY_NAMESPACE, service);
		if (o)
			add_service(&l, object_spec(o, k_service), a);
	} else {
		add_pods(&l, set, a);
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare);
	for (size_t i = 0; i < l.n; i++) {
		if (n && !strcmp(l.v[n - 1], l.v[i]))
			continue;
		l.v[n++] = l.v[i];
		out->hash = hash_mix_str(out->hash, l.v[i]);
	}
	out->v = l.v;
	out->n = n;
}

/* ---- how they are written ---- */

static const char *member_of(const char *address)
{
	return scalar_is_ip(address) ? "ip" : "hostname";
}

static bool holds(const struct node *list, const char *address)
{
	const char *member = member_of(address), *other = *member == 'i' ? "hostname" : "ip";

	for (size_t i = 0; i < list->n; i++) {
		const char *text = node_text(&list->list[i], member), *more = node_text(&list->list[i], other);

		if (text && !strcmp(text, address) && (!more || !*more))
			return true;
	}
	return false;
}

/* In any order, and whatever else an entry has (ports). */
static bool is_said(const struct ingress_addresses *want, const struct node *list)
{
	bool same = (list && list->kind == NODE_LIST ? list->n : 0) == want->n;

	for (size_t i = 0; i < want->n && same; i++)
		same = holds(list, want->v[i]);
	return same;
}

static bool was_written_by(const struct node *root, const char *manager)
{
	const struct node *list = node_get(node_get(root, "metadata"), "managedFields");

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *who = node_text(&list->list[i], "manager"), *part = node_text(&list->list[i], "subresource");
		const struct node *status = node_get(node_get(&list->list[i], "fieldsV1"), "f:status");

		if (who && part && !strcmp(who, manager) && !strcmp(part, "status") &&
		    node_get(node_get(status, "f:loadBalancer"), "f:ingress"))
			return true;
	}
	return false;
}

static void put_list(struct buf *out, const struct ingress_addresses *want)
{
	if (!want->n) {
		buf_str(out, "null");
		return;
	}
	for (size_t i = 0; i < want->n; i++) {
		buf_printf(out, "%s{\"%s\":", i ? "," : "[", member_of(want->v[i]));
		node_text_to_json(want->v[i], out);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

bool ingress_patch(const struct ingress_addresses *want, const char *manager, const struct node *root, struct buf *out)
{
	const char *version = node_text(node_get(root, "metadata"), "resourceVersion");
	const struct node *is = node_get(node_get(node_get(root, "status"), "loadBalancer"), "ingress");

	if (is_said(want, is) || (!want->n && !was_written_by(root, manager)))
		return false;
	kube_patch_begin_status(out, version);
	buf_str(out, "{\"loadBalancer\":{\"ingress\":");
	put_list(out, want);
	buf_str(out, "}}}");
	return true;
}

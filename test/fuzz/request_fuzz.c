/* SPDX-License-Identifier: Apache-2.0
 *
 * What an xDS client says, as bytes of gRPC messages: the first byte tells the variant. What is
 * decoded is within its limits, tells who the proxy is or why not, and is one request of a session
 * that has nothing, and another one after an answer.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "mesh/proxy.h"
#include "xds/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s)
{
	must(s && scalar_is_utf8(s, strlen(s)));
}

static void check_names(const struct strs *names)
{
	must(names->n <= XDS_NAMES_MAX);
	for (size_t i = 0; i < names->n; i++) {
		check_text(names->v[i]);
		must(strlen(names->v[i]) <= XDS_NAME_LEN_MAX);
	}
}

static void check_node(const struct xds_node *node, struct arena *a)
{
	struct proxy proxy;
	struct err e = {0};

	check_text(node->id);
	check_text(node->cluster);
	check_text(node->user_agent_name);
	if (proxy_parse(node->id, node->metadata, node->region, node->zone, node->subzone, &node->extensions, a,
			&proxy, &e)) {
		check_text(e.text);
		return;
	}
	must(proxy.ips.n && proxy.name && proxy.ns);
}

static void answer(struct session *s)
{
	struct buf out;

	for (int i = 0; i < 3 * XDS_TYPES && session_wants_to_send(s); i++) {
		bool more;

		buf_init(&out, 64 << 20);
		more = session_next(s, 1, &out);
		must(!out.failed);
		buf_fini(&out);
		if (!more)
			break;
	}
}

/* The same request twice, with an empty bundle between. */
static void converse(const struct xds_request *r, bool delta)
{
	struct session_opts opts = {.delta = delta, .only_type = -1, .id = 1};
	struct session_events events = {0};
	struct compiled nothing = {.gen = 1};
	struct res_table table;
	struct session *s;
	struct bundle *b;
	struct err e = {0};

	res_table_init(&table);
	s = session_new(&table, &opts, &events);
	b = bundle_adopt(&table, &nothing, NULL);
	if (!session_receive(s, r, 1, &e)) {
		session_set_bundle(s, b);
		answer(s);
		if (!session_receive(s, r, 2, &e))
			answer(s);
	}
	session_free(s);
	bundle_unref(&table, b);
	res_table_fini(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xds_request r;
	struct arena a;
	struct err e = {0};
	bool delta;

	if (!size)
		return 0;
	delta = data[0] & 1;
	arena_init(&a, 0);
	if (xds_request_decode(data + 1, size - 1, delta, &a, &r, &e)) {
		must(e.text[0]);
	} else {
		check_text(r.type_url);
		check_text(r.nonce);
		check_text(r.error_text);
		check_names(&r.names);
		check_names(&r.subscribe);
		check_names(&r.unsubscribe);
		if (r.has_node)
			check_node(&r.node, &a);
		converse(&r, delta);
	}
	arena_fini(&a);
	return 0;
}

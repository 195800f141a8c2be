/* SPDX-License-Identifier: Apache-2.0 */
#include "report/trust.h"

#include <string.h>

#include "base/base64.h"
#include "base/must.h"
#include "store/kube_target.h"

#define PATH "/validate"

const struct trust_map trust_root_map = {"istio-ca-root-cert", "root-cert.pem"};
const struct trust_map trust_crl_map = {"istio-ca-crl", "ca-crl.pem"};

/* "/validate" of "https://host:port/validate?x" */
static bool is_ours(const struct node *client)
{
	const struct node *service = node_get(client, "service");
	const char *url = node_text(client, "url"), *path = node_text(service, "path");
	size_t n;

	if (service)
		return path && !strcmp(path, PATH);
	path = url ? strstr(url, "://") : NULL;
	path = path ? strchr(path + 3, '/') : NULL;
	n = path ? strcspn(path, "?") : 0;
	return n == strlen(PATH) && !strncmp(path, PATH, n);
}

static void put_entry(struct buf *out, size_t i, const char *name, const char *bundle)
{
	/* the name once more: that it is still the entry that was looked at */
	buf_printf(out, ",{\"op\":\"test\",\"path\":\"/webhooks/%zu/name\",\"value\":", i);
	node_text_to_json(name, out);
	buf_printf(out, "},{\"op\":\"add\",\"path\":\"/webhooks/%zu/clientConfig/caBundle\",\"value\":\"%s\"}", i, bundle);
}

bool trust_webhook_patch(const struct node *root, const char *roots, struct buf *out)
{
	const struct node *list = node_get(root, "webhooks");
	const char *version = node_text(node_get(root, "metadata"), "resourceVersion");
	size_t n = strlen(roots), n_changed = 0;
	struct arena a;
	char *bundle;

	if (!list || list->kind != NODE_LIST || !version)
		return false;
	arena_init(&a, 0);
	bundle = arena_alloc(&a, BASE64_SIZE(n) + 1);
	bundle[base64_encode(BASE64_PLAIN, (const uint8_t *)roots, n, bundle)] = '\0';
	/* to set the version that was read makes a conflict of any other */
	buf_str(out, "[{\"op\":\"replace\",\"path\":\"/metadata/resourceVersion\",\"value\":");
	node_text_to_json(version, out);
	buf_char(out, '}');
	for (size_t i = 0; i < list->n; i++) {
		const struct node *client = node_get(&list->list[i], "clientConfig");
		const char *name = node_text(&list->list[i], "name"), *is = node_text(client, "caBundle");

		if (!name || !is_ours(client) || (is && !strcmp(is, bundle)))
			continue;
		put_entry(out, i, name, bundle);
		n_changed++;
	}
	buf_char(out, ']');
	arena_fini(&a);
	return n_changed > 0;
}

bool trust_map_patch(const struct trust_map *m, const struct node *root, const char *ns, const char *text, struct buf *out)
{
	const struct node *meta = node_get(root, "metadata");
	const char *is = node_text(node_get(root, "data"), m->key), *version = node_text(meta, "resourceVersion");

	if (text ? is && !strcmp(is, text) : !is || !*is)
		return false;
	if (root) {
		kube_patch_begin(out, version);
	} else {
		buf_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":");
		node_text_to_json(m->name, out);
		buf_str(out, ",\"namespace\":");
		node_text_to_json(ns, out);
	}
	buf_str(out, ",\"labels\":{\"istio.io/config\":\"true\"}},\"data\":{");
	node_text_to_json(m->key, out);
	buf_char(out, ':');
	node_text_to_json(text ? text : "", out);
	buf_str(out, "}}");
	return true;
}

bool trust_map_wanted(const char *ns)
{
	static const char *const none[] = {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"};

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (!strcmp(ns, none[i]))
			return false;
	return true;
}

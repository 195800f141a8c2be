/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kube_target.h"

#include <string.h>

#include "node/node.h"

void kube_target_escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *text))
			buf_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

void kube_patch_begin(struct buf *out, const char *version_or_null)
{
	buf_str(out, "{\"metadata\":{\"resourceVersion\":");
	node_text_to_json(version_or_null ? version_or_null : "", out);
}

void kube_patch_begin_status(struct buf *out, const char *version_or_null)
{
	kube_patch_begin(out, version_or_null);
	buf_str(out, "},\"status\":");
}

void kube_target_put(struct buf *out, const char *api, const char *ns, const char *plural, const char *name)
{
	buf_str(out, api);
	if (ns) {
		buf_str(out, "/namespaces/");
		kube_target_escape(out, ns);
	}
	buf_printf(out, "/%s?", plural);
	if (name) {
		buf_str(out, "fieldSelector=metadata.name%3D");
		kube_target_escape(out, name);
		buf_char(out, '&');
	}
}

void kube_target_put_object(struct buf *out, const char *api, const char *ns, const char *plural, const char *name)
{
	buf_str(out, api);
	if (*ns) {
		buf_str(out, "/namespaces/");
		kube_target_escape(out, ns);
	}
	buf_printf(out, "/%s/", plural);
	kube_target_escape(out, name);
}

static bool is_number(const char *s)
{
	return *s >= '1' && *s <= '9' && s[strspn(s, "0123456789")] == '\0';
}

bool kube_version_is_before(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	return is_number(a) && is_number(b) && (n < m || (n == m && strcmp(a, b) < 0));
}

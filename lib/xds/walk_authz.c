/* SPDX-License-Identifier: Apache-2.0
 *
 * Authorization: Envoy's RBAC filters, for connections and for requests. Whose peer or address is not told
 * has none; metadata of other filters than that of tokens counts as absent.
 */
#include "xds/walk_int.h"

#include <string.h>

#include "base/scalar.h"

enum { DEPTH_MAX = 32, NAME_PARTS = 2 };

typedef bool match_fn(const struct walker *w, struct pbread m, int depth);

/* ---- conditions ---- */

/* Any, or all, of a list. */
static bool match_list(const struct walker *w, struct pbread set, const char *field, bool any, match_fn *match, int depth)
{
	struct pbread_list l = pbread_list(set, field);
	struct pbread one;

	while (pbread_next(&l, &one))
		if (match(w, one, depth + 1) == any)
			return any;
	return !any;
}

static bool match_header_of(const struct walker *w, struct pbread m)
{
	return walk_match_header(w, m, pbread_text(m, "name", w->arena));
}

static bool is_in(struct pbread range, const char *address, struct arena *a)
{
	const char *text = pbread_text(range, "address_prefix", a);
	struct cidr net;
	struct ip ip;

	if (!address || scalar_ip(address, &ip) ||
	    scalar_cidr(arena_printf(a, "%s/%u", text, (unsigned)pbread_num(range, "prefix_len", 0)), &net))
		return false;
	return cidr_contains(&net, &ip);
}

/* "*" is one segment, "**" whatever is left of the path or of it up to what follows. */
static bool match_template(const char *template, const char *path)
{
	size_t n;

	if (strncmp(template, "**", 2) == 0) {
		for (const char *rest = path;; rest++) {
			if (match_template(template + 2, rest))
				return true;
			if (!*rest)
				return false;
		}
	}
	if (*template == '*') {
		n = strcspn(path, "/");
		return n && match_template(template + 1, path + n);
	}
	n = strcspn(template, "*");
	if (strncmp(template, path, n) != 0)
		return false;
	return template[n] ? match_template(template + n, path + n) : path[n] == '\0';
}

static const char *path_without_query(const struct walker *w)
{
	return arena_strndup(w->arena, w->path, strcspn(w->path, "?#"));
}

static bool match_permission(const struct walker *w, struct pbread m, int depth)
{
	if (depth > DEPTH_MAX)
		return false;
	if (pbread_has(m, "and_rules"))
		return match_list(w, pbread_msg(m, "and_rules"), "rules", false, match_permission, depth);
	if (pbread_has(m, "or_rules"))
		return match_list(w, pbread_msg(m, "or_rules"), "rules", true, match_permission, depth);
	if (pbread_has(m, "not_rule"))
		return !match_permission(w, pbread_msg(m, "not_rule"), depth + 1);
	if (pbread_has(m, "header"))
		return match_header_of(w, pbread_msg(m, "header"));
	if (pbread_has(m, "url_path"))
		return walk_match_string(w, pbread_msg(pbread_msg(m, "url_path"), "path"), path_without_query(w));
	if (pbread_has(m, "uri_template"))
		return match_template(pbread_text(pbread_any(pbread_msg(m, "uri_template"), "typed_config"), "path_template",
						  w->arena), path_without_query(w));
	if (pbread_has(m, "destination_ip"))
		return is_in(pbread_msg(m, "destination_ip"), w->r->ip, w->arena);
	if (pbread_has(m, "destination_port"))
		return pbread_num(m, "destination_port", 0) == w->r->port;
	if (pbread_has(m, "metadata"))
		return walk_match_metadata(w, pbread_msg(m, "metadata"));
	if (pbread_has(m, "requested_server_name"))
		return walk_match_string(w, pbread_msg(m, "requested_server_name"), w->r->tls ? w->r->sni : "");
	return pbread_num(m, "any", false);
}

static bool match_principal(const struct walker *w, struct pbread m, int depth)
{
	if (depth > DEPTH_MAX)
		return false;
	if (pbread_has(m, "and_ids"))
		return match_list(w, pbread_msg(m, "and_ids"), "ids", false, match_principal, depth);
	if (pbread_has(m, "or_ids"))
		return match_list(w, pbread_msg(m, "or_ids"), "ids", true, match_principal, depth);
	if (pbread_has(m, "not_id"))
		return !match_principal(w, pbread_msg(m, "not_id"), depth + 1);
	if (pbread_has(m, "authenticated"))
		return w->r->peer &&
		       walk_match_string(w, pbread_msg(pbread_msg(m, "authenticated"), "principal_name"), w->r->peer);
	if (pbread_has(m, "header"))
		return match_header_of(w, pbread_msg(m, "header"));
	if (pbread_has(m, "direct_remote_ip"))
		return is_in(pbread_msg(m, "direct_remote_ip"), w->r->client_ip, w->arena);
	if (pbread_has(m, "remote_ip"))
		return is_in(pbread_msg(m, "remote_ip"), w->r->client_ip, w->arena);
	if (pbread_has(m, "metadata"))
		return walk_match_metadata(w, pbread_msg(m, "metadata"));
	return pbread_num(m, "any", false);
}

/* ---- rules ---- */

static bool match_policy(const struct walker *w, struct pbread policy)
{
	return match_list(w, policy, "permissions", true, match_permission, 0) &&
	       match_list(w, policy, "principals", true, match_principal, 0);
}

/* The name of the first policy that matches, or NULL. */
static const char *find_policy(const struct walker *w, struct pbread rules)
{
	struct pbread_list l = pbread_list(rules, "policies");
	struct pbread entry;

	while (pbread_next(&l, &entry))
		if (match_policy(w, pbread_msg(entry, "value")))
			return pbread_text(entry, "key", w->arena);
	return NULL;
}

/* The object of "...ns[NS]-policy[NAME]-rule[I]". */
static const struct res_origin *origin_of(const struct walker *w, const char *name)
{
	static const char *const marks[NAME_PARTS] = {"ns[", "]-policy["};
	const char *at[NAME_PARTS + 1];
	struct res_origin *o = arena_new(w->arena, struct res_origin);

	at[0] = strstr(name, marks[0]);
	at[1] = at[0] ? strstr(at[0], marks[1]) : NULL;
	at[2] = at[1] ? strstr(at[1], "]-rule[") : NULL;
	if (!at[2])
		return NULL;
	at[0] += strlen(marks[0]);
	*o = (struct res_origin){KIND_AUTHORIZATION_POLICY, arena_strndup(w->arena, at[0], (size_t)(at[1] - at[0])), ""};
	at[1] += strlen(marks[1]);
	o->name = arena_strndup(w->arena, at[1], (size_t)(at[2] - at[1]));
	return o;
}

static void tell(struct walker *w, const char *policy, const char *why)
{
	const struct res_origin *o = policy ? origin_of(w, policy) : NULL;

	*vec_push(&w->steps, w->arena) =
	    (struct walk_step){"authorization", policy ? policy : "RBAC", why, o, o ? 1 : 0};
}

/* NULL: it may go on. Else why not. */
static const char *denial(struct walker *w, struct pbread rules)
{
	enum { ALLOW, DENY, LOG } action = (int)pbread_num(rules, "action", ALLOW);
	const char *policy = find_policy(w, rules);

	if (action == DENY && policy) {
		tell(w, policy, "it denies what its rule matches");
		return arena_printf(w->arena, "the policy %s denies it", policy);
	}
	if (action == ALLOW && !policy) {
		tell(w, NULL, "there are policies that allow, and none of their rules matches");
		return "no policy allows it";
	}
	if (action == ALLOW)
		tell(w, policy, "it allows what its rule matches");
	return NULL;
}

/* What an external service is asked about, by the rules that only mark it. */
static void tell_asked(struct walker *w, struct pbread rbac)
{
	const char *policy = strncmp(pbread_text(rbac, "shadow_rules_stat_prefix", w->arena), "istio_ext_authz_", 16) == 0
				 ? find_policy(w, pbread_msg(rbac, "shadow_rules")) : NULL;

	if (policy) {
		tell(w, policy, "its external service is asked, which may deny it");
		walk_fact(w, "external authorization", policy);
	}
}

const char *walk_denied(struct walker *w, struct pbread rbac)
{
	tell_asked(w, rbac);
	return pbread_has(rbac, "rules") ? denial(w, pbread_msg(rbac, "rules")) : NULL;
}

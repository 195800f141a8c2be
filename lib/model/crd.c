/* SPDX-License-Identifier: Apache-2.0 */
#include "model/crd.h"

#include <ctype.h>
#include <string.h>

#include "base/must.h"

/* ---- what the tables do not say ---- */

static const struct extra {
	const char *kind, *short_names;	/* names with spaces between, or NULL */
	const char *columns[3][3];	/* name, JSON path, description; the age comes last */
} extras[] = {
	{"VirtualService", "vs", {
		{"Gateways", ".spec.gateways", "Gateways that the routes are for"},
		{"Hosts", ".spec.hosts", "Hosts that are routed"}}},
	{"DestinationRule", "dr", {{"Host", ".spec.host", "Service that the rule is for"}}},
	{"Gateway", "gw", {{NULL}}},
	{"ServiceEntry", "se", {
		{"Hosts", ".spec.hosts", "Hosts of the service"},
		{"Location", ".spec.location", "Inside or outside of the mesh"},
		{"Resolution", ".spec.resolution", "How endpoints are found"}}},
	{"WorkloadEntry", "we", {{"Address", ".spec.address", "Address of the workload"}}},
	{"WorkloadGroup", "wg", {{NULL}}},
	{"PeerAuthentication", "pa", {{"Mode", ".spec.mtls.mode", "Mutual TLS"}}},
	{"RequestAuthentication", "ra", {{NULL}}},
	{"AuthorizationPolicy", "ap", {{"Action", ".spec.action", "What happens to requests that match"}}},
	{"Telemetry", "telemetry", {{NULL}}},
};

/* CEL rules, of a message or of one of its fields; Istio's definitions have the same. */
static const struct rule {
	const char *schema, *field, *rule, *message;
} rules[] = {
	{"service_entry", NULL, "(has(self.workloadSelector) ? 1 : 0) + (has(self.endpoints) ? 1 : 0) <= 1",
	 "only one of workloadSelector or endpoints can be set"},
	{"service_entry", NULL,
	 "!has(self.resolution) || self.resolution == 'NONE' ? !has(self.endpoints) || self.endpoints.size() == 0 : true",
	 "NONE mode cannot set endpoints"},
	{"service_entry", NULL,
	 "has(self.resolution) && self.resolution == 'DNS_ROUND_ROBIN' ? !has(self.endpoints) || self.endpoints.size() <= 1 : true",
	 "DNS_ROUND_ROBIN mode cannot have multiple endpoints"},
	{"se_port", "number", "0 < self && self <= 65535", "port must be between 1-65535"},
	{"se_port", "targetPort", "0 < self && self <= 65535", "port must be between 1-65535"},
	{"workload_entry", NULL, "has(self.address) || has(self.network)", "address is required"},
	{"workload_entry", NULL,
	 "!has(self.address) || !self.address.startsWith('unix://') || !has(self.ports) || self.ports.size() == 0",
	 "UDS may not include ports"},
	{"probe_http", "port", "0 < self && self <= 65535", "port must be between 1-65535"},
	{"probe_tcp", "port", "0 < self && self <= 65535", "port must be between 1-65535"},
	{"policy_target", "namespace", "self.size() == 0", "cross namespace referencing is not currently supported"},
	{"policy_selector", "matchLabels", "self.all(key, !key.contains('*') && !self[key].contains('*'))",
	 "wildcards are not allowed in selectors"},
	{"authorization_policy", NULL,
	 "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
	 "only one of targetRefs or selector can be set"},
	{"request_authentication", NULL,
	 "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
	 "only one of targetRefs or selector can be set"},
	{"peer_authentication", NULL,
	 "(has(self.selector) && has(self.selector.matchLabels) && self.selector.matchLabels.size() > 0) || "
	 "!has(self.portLevelMtls)", "portLevelMtls requires selector"},
	{"peer_authentication", "portLevelMtls", "self.all(key, 0 < int(key) && int(key) <= 65535)",
	 "port must be between 1-65535"},
	{"telemetry", NULL,
	 "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
	 "only one of targetRefs or selector can be set"},
	{"tag_override", NULL, "!has(self.operation) || self.operation == 'UPSERT' ? has(self.value) : !has(self.value)",
	 "value is for operation UPSERT, which needs it"},
	{"wasm_plugin", NULL,
	 "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
	 "only one of targetRefs or selector can be set"},
};

/* An API server refuses rules that could cost too much, so what they read is bounded, as in Istio's definitions. */
static const struct bound {
	const char *schema, *field;
	unsigned n;			/* of the text, the list or the map */
	unsigned text;			/* of each text in it; 0: no bound */
} bounds[] = {
	{"policy_selector", "matchLabels", 4096, 63},
	{"service_entry", "endpoints", 4096, 0},
	{"workload_entry", "address", 256, 0},
};

/* ---- JSON ---- */

static void put_member(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "\"%s\":", key);
	node_text_to_json(value, out);
}

/* ---- the schema ---- */

static void put_object(struct buf *out, const struct schema *s, const char *doc);

static void put_rules(struct buf *out, const char *schema, const char *field)
{
	const char *sep = ",\"x-kubernetes-validations\":[";
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (strcmp(rules[i].schema, schema) != 0 || (rules[i].field != NULL) != (field != NULL) ||
		    (field && strcmp(rules[i].field, field) != 0))
			continue;
		buf_printf(out, "%s{", any ? "," : sep);
		put_member(out, "message", rules[i].message);
		buf_char(out, ',');
		put_member(out, "rule", rules[i].rule);
		buf_char(out, '}');
		any = true;
	}
	if (any)
		buf_char(out, ']');
}

static void put_enum(struct buf *out, const struct enum_desc *e)
{
	buf_printf(out, "\"type\":\"string\",\"enum\":[");
	for (size_t i = 0; i < e->n; i++) {
		if (i)
			buf_char(out, ',');
		node_text_to_json(e->v[i].name, out);
	}
	buf_char(out, ']');
}

/* The types that are one word of JSON schema each. */
static const char *const plain[] = {
	[SCHEMA_STR] = "\"type\":\"string\"",
	[SCHEMA_STRS] = "\"type\":\"array\",\"items\":{\"type\":\"string\"}",
	[SCHEMA_BOOL] = "\"type\":\"boolean\"",
	[SCHEMA_OBOOL] = "\"type\":\"boolean\"",
	[SCHEMA_U32] = "\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295",
	[SCHEMA_OU32] = "\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295",
	[SCHEMA_U32S] = "\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295}",
	[SCHEMA_I32] = "\"type\":\"integer\",\"format\":\"int32\"",
	[SCHEMA_OI32] = "\"type\":\"integer\",\"format\":\"int32\"",
	[SCHEMA_I64] = "\"x-kubernetes-int-or-string\":true",
	[SCHEMA_DBL] = "\"type\":\"number\",\"format\":\"double\"",
	[SCHEMA_ODBL] = "\"type\":\"number\",\"format\":\"double\"",
	[SCHEMA_DUR] = "\"type\":\"string\"",
	[SCHEMA_U32MAP] = "\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295}",
	[SCHEMA_BYTESMAP] = "\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"format\":\"byte\"}",
	[SCHEMA_INTSTR] = "\"x-kubernetes-int-or-string\":true",
	[SCHEMA_BYTES] = "\"type\":\"string\",\"format\":\"byte\"",
	[SCHEMA_TIME] = "\"type\":\"string\",\"format\":\"date-time\"",
	[SCHEMA_NODE] = "\"x-kubernetes-preserve-unknown-fields\":true",
};

static const struct bound *find_bound(const char *schema, const char *field)
{
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
		if (!strcmp(bounds[i].schema, schema) && !strcmp(bounds[i].field, field))
			return &bounds[i];
	return NULL;
}

static void put_bound(struct buf *out, const struct bound *b, const struct schema_field *f)
{
	bool list = f->type == SCHEMA_MSGS || f->type == SCHEMA_STRS;

	buf_printf(out, ",\"%s\":%u", f->type == SCHEMA_STR ? "maxLength" : list ? "maxItems" : "maxProperties", b->n);
}

static void put_field(struct buf *out, const struct schema *s, const struct schema_field *f)
{
	const struct bound *bound = find_bound(s->name, f->name);

	node_text_to_json(f->name, out);
	buf_printf(out, ":{");
	if (*f->doc && f->type != SCHEMA_MSG) {
		put_member(out, "description", f->doc);
		buf_char(out, ',');
	}
	switch (f->type) {
	case SCHEMA_ENUM:
		put_enum(out, f->values);
		break;
	case SCHEMA_MSG:
		put_object(out, f->msg, f->doc);
		break;
	case SCHEMA_MSGS:
		buf_printf(out, "\"type\":\"array\",\"items\":{");
		put_object(out, f->msg, "");
		buf_char(out, '}');
		break;
	case SCHEMA_MSGMAP:
		buf_printf(out, "\"type\":\"object\",\"additionalProperties\":{");
		put_object(out, f->msg, "");
		buf_char(out, '}');
		break;
	case SCHEMA_STRMAP:
		buf_printf(out, "\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"");
		if (bound && bound->text)
			buf_printf(out, ",\"maxLength\":%u", bound->text);
		buf_char(out, '}');
		break;
	default:
		must((size_t)f->type < ARRAY_LEN(plain) && plain[f->type]);
		buf_printf(out, "%s", plain[f->type]);
	}
	if (bound)
		put_bound(out, bound, f);
	put_rules(out, s->name, f->name);
	buf_char(out, '}');
}

/* At most one of the members of each oneof group is there. */
static void put_oneofs(struct buf *out, const struct schema *s)
{
	bool any = false;

	for (unsigned group = 1; group <= SCHEMA_ONEOF_MASK; group++) {
		struct buf each;
		size_t n = 0;

		buf_init(&each, 1 << 16);
		for (size_t i = 0; i < s->n; i++) {
			if ((s->fields[i].flags & SCHEMA_ONEOF_MASK) != group)
				continue;
			buf_printf(&each, "%s{\"required\":[\"%s\"]}", n++ ? "," : "", s->fields[i].name);
		}
		if (n > 1) {
			buf_printf(out, "%s{\"oneOf\":[{\"not\":{\"anyOf\":[%s]}},%s]}", any ? "," : ",\"allOf\":[", buf_cstr(&each),
				   buf_cstr(&each));
			any = true;
		}
		buf_fini(&each);
	}
	if (any)
		buf_char(out, ']');
}

static void put_required(struct buf *out, const struct schema *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->fields[i].flags & SCHEMA_REQUIRED)
			buf_printf(out, "%s\"%s\"", n++ ? "," : ",\"required\":[", s->fields[i].name);
	if (n)
		buf_char(out, ']');
}

static void put_object(struct buf *out, const struct schema *s, const char *doc)
{
	if (*doc) {
		put_member(out, "description", doc);
		buf_char(out, ',');
	}
	buf_printf(out, "\"type\":\"object\",\"properties\":{");
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_char(out, ',');
		put_field(out, s, &s->fields[i]);
	}
	buf_char(out, '}');
	put_required(out, s);
	put_oneofs(out, s);
	put_rules(out, s->name, NULL);
}

/* ---- the definition ---- */

static const struct extra *find_extra(const char *kind)
{
	static const struct extra none;

	for (size_t i = 0; i < ARRAY_LEN(extras); i++)
		if (!strcmp(extras[i].kind, kind))
			return &extras[i];
	return &none;
}

static void put_columns(struct buf *out, const struct extra *x)
{
	buf_printf(out, "\"additionalPrinterColumns\":[");
	for (size_t i = 0; i < ARRAY_LEN(x->columns) && x->columns[i][0]; i++) {
		buf_printf(out, "{\"name\":\"%s\",\"type\":\"string\",\"jsonPath\":\"%s\",\"description\":\"%s\"},", x->columns[i][0],
			   x->columns[i][1], x->columns[i][2]);
	}
	buf_printf(out, "{\"name\":\"Verdict\",\"type\":\"string\",\"description\":\"What became of the object\","
		   "\"jsonPath\":\".status.conditions[?(@.type==\\\"Reconciled\\\")].reason\"},"
		   "{\"name\":\"Age\",\"type\":\"date\",\"jsonPath\":\".metadata.creationTimestamp\",\"description\":\"When it was made\"}]");
}

static void put_version(struct buf *out, const struct kind_info *info, const char *version, size_t n, bool storage)
{
	buf_printf(out, "{\"name\":\"%.*s\",\"served\":true,\"storage\":%s,\"subresources\":{\"status\":{}},", (int)n, version,
		   storage ? "true" : "false");
	put_columns(out, find_extra(info->name));
	buf_printf(out, ",\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"%s\":{", info->body);
	put_object(out, info->schema, "");
	buf_printf(out, "},\"status\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}}}");
}

static void put_names(struct buf *out, const struct kind_info *info)
{
	const char *group = info->group, *names = find_extra(info->name)->short_names;

	buf_printf(out, "\"names\":{\"kind\":\"%s\",\"listKind\":\"%sList\",\"plural\":\"%s\",\"singular\":\"", info->name, info->name,
		   info->plural);
	for (const char *p = info->name; *p; p++)
		buf_char(out, (char)tolower((unsigned char)*p));
	buf_printf(out, "\",\"categories\":[\"istio-io\",\"%.*s-istio-io\"]", (int)strcspn(group, "."), group);
	for (const char *p = names; p && *p; p += strcspn(p, " "), p += *p == ' ')
		buf_printf(out, "%s\"%.*s\"", p == names ? ",\"shortNames\":[" : ",", (int)strcspn(p, " "), p);
	buf_printf(out, names ? "]}" : "}");
}

bool crd_has(enum kind kind)
{
	const struct kind_info *info = kind_info(kind);
	const char *suffix = strstr(info->group, ".istio.io");

	return suffix && !suffix[strlen(".istio.io")] && !info->nameless;
}

void crd_build(enum kind kind, struct buf *out)
{
	const struct kind_info *info = kind_info(kind);

	must(crd_has(kind));
	buf_printf(out, "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":"
		   "\"%s.%s\",\"labels\":{\"app.kubernetes.io/part-of\":\"navarch\"}},\"spec\":{\"group\":\"%s\",\"scope\":\"%s\",",
		   info->plural, info->group, info->group, info->namespaced ? "Namespaced" : "Cluster");
	put_names(out, info);
	buf_printf(out, ",\"versions\":[");
	for (const char *p = info->versions; *p; p += strcspn(p, " "), p += *p == ' ') {
		if (p != info->versions)
			buf_char(out, ',');
		put_version(out, info, p, strcspn(p, " "), p == info->versions);
	}
	buf_printf(out, "]}}");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/must.h"
#include "model/extension.h"
#include "model/gwapi.h"
#include "model/kube.h"
#include "model/meshconf.h"
#include "model/object.h"
#include "model/security.h"
#include "model/telemetry.h"
#include "model/traffic.h"

#define SCOPE_N true
#define SCOPE_C false
static const struct kind_info kinds[KIND_COUNT] = {
#define KIND(id, name, group, versions, plural, schema, body, scope, use)                          \
	[KIND_##id] = {name, group, versions, plural, &schema_##schema, body, SCOPE_##scope,        \
		       .pending = #use[0] == 'P' || #use[0] == 'F', .nameless = #use[0] == 'F',    \
		       .files_only = #use[0] == 'A' || #use[0] == 'F'},
#include "model/kinds.def"
#undef KIND
};

const struct kind_info *kind_info(enum kind kind)
{
	must((unsigned)kind < KIND_COUNT);
	return &kinds[kind];
}

const struct schema *kind_status(enum kind kind)
{
	static const struct schema *const of[KIND_COUNT] = {
		[KIND_SERVICE_ENTRY] = &schema_service_entry_status,
		[KIND_WORKLOAD_ENTRY] = &schema_workload_entry_status,
	};

	must((unsigned)kind < KIND_COUNT);
	return of[kind];
}

/* A word begins at a capital, and at the last one of several. */
const char *kind_kebab(enum kind kind, char out[KIND_KEBAB_MAX])
{
	const char *name = kind_info(kind)->name;
	char *p = out;

	must(2 * strlen(name) < KIND_KEBAB_MAX);
	for (const char *s = name; *s; s++) {
		if (isupper((unsigned char)*s) && s > name &&
		    (islower((unsigned char)s[-1]) || islower((unsigned char)s[1])))
			*p++ = '-';
		*p++ = (char)tolower((unsigned char)*s);
	}
	*p = '\0';
	return out;
}

/* versions is a list with spaces between. */
static bool has_version(const char *versions, const char *version)
{
	size_t n = strlen(version);

	for (const char *p = versions; (p = strstr(p, version)); p++) {
		if ((p == versions || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	}
	return false;
}

int kind_find(const char *api_version, const char *kind)
{
	const char *slash = strchr(api_version, '/');
	const char *version = slash ? slash + 1 : api_version;
	size_t group_len = slash ? (size_t)(slash - api_version) : 0;

	for (int i = 0; i < KIND_COUNT; i++) {
		if (!strcmp(kinds[i].name, kind) && strlen(kinds[i].group) == group_len &&
		    !memcmp(kinds[i].group, api_version, group_len) && *version &&
		    has_version(kinds[i].versions, version))
			return i;
	}
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/pbread.h"

#include <string.h>

#include "base/must.h"

struct pbread pbread_root(const char *type, struct pb_bytes b)
{
	struct pbread r = {.m = pb_type_find(type, strlen(type)), .b = b};

	must(r.m);
	return r;
}

/* A name that no table has is a slip of ours. */
static const struct pb_field *find(const struct pb_msg *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->fields[i].name, name) == 0)
			return &m->fields[i];
	}
	must_note(name);
	unreachable();
}

static bool get(struct pbread r, const char *name, const struct pb_field **f, struct pb_item *out)
{
	struct pb_scan s = pb_scan(r.b);
	struct pb_item it;
	bool found = false;

	if (!r.m)
		return false;
	*f = find(r.m, name);
	while (pb_scan_next(&s, &it)) {
		if (it.number == (*f)->number && pb_item_fits(*f, &it)) {
			*out = it;
			found = true;
		}
	}
	return found;
}

bool pbread_has(struct pbread r, const char *field)
{
	const struct pb_field *f;
	struct pb_item it;

	return get(r, field, &f, &it);
}

struct pbread pbread_msg(struct pbread r, const char *field)
{
	const struct pb_field *f;
	struct pb_item it;

	if (!get(r, field, &f, &it))
		return (struct pbread){0};
	must(f->kind == PB_MESSAGE);
	return (struct pbread){f->msg, it.b};
}

/* The content of an Any; another message is itself. */
static struct pbread unwrap(struct pbread r)
{
	struct pb_item url, value = {.b = r.b};
	const struct pb_field *f;

	if (!r.m || r.m->form != PB_ANY)
		return r;
	if (!get(r, "type_url", &f, &url))
		return (struct pbread){0};
	if (!get(r, "value", &f, &value))
		value.b.n = 0;
	return (struct pbread){pb_type_find((const char *)url.b.p, url.b.n), value.b};
}

struct pbread pbread_any(struct pbread r, const char *field)
{
	return unwrap(pbread_msg(r, field));
}

struct pbread pbread_entry(struct pbread r, const char *field, const char *key)
{
	struct pbread_list l = pbread_list(r, field);
	struct pbread entry;
	const struct pb_field *f;
	struct pb_item it;

	while (pbread_next(&l, &entry)) {
		if (get(entry, "key", &f, &it) && it.b.n == strlen(key) && !memcmp(it.b.p, key, it.b.n))
			return unwrap(pbread_msg(entry, "value"));
	}
	return (struct pbread){0};
}

const char *pbread_text(struct pbread r, const char *field, struct arena *a)
{
	const struct pb_field *f;
	struct pb_item it;

	return get(r, field, &f, &it) && it.wire == PBW_LENGTH && it.b.n
		       ? arena_strndup(a, (const char *)it.b.p, it.b.n)
		       : "";
}

uint64_t pbread_num(struct pbread r, const char *field, uint64_t otherwise)
{
	const struct pb_field *f;
	struct pb_item it;

	if (!get(r, field, &f, &it))
		return otherwise;
	if (f->kind == PB_MESSAGE && f->msg->form == PB_WRAPPER)
		return pbread_num((struct pbread){f->msg, it.b}, "value", 0);
	return it.wire == PBW_LENGTH ? otherwise : it.v;
}

int64_t pbread_ns(struct pbread r, const char *field)
{
	struct pbread d = pbread_msg(r, field);
	uint64_t s = pbread_num(d, "seconds", 0), ns = pbread_num(d, "nanos", 0);

	/* longer than three centuries is for ever */
	if (!d.m)
		return -1;
	return s > INT64_MAX / 2000000000 ? INT64_MAX : (int64_t)(s * 1000000000 + (uint32_t)ns);
}

bool pbread_is(struct pbread r, const char *type)
{
	return r.m && strcmp(r.m->name, type) == 0;
}

struct pbread_list pbread_list(struct pbread r, const char *field)
{
	if (!r.m)
		return (struct pbread_list){0};
	return (struct pbread_list){.scan = pb_scan(r.b), .field = find(r.m, field)};
}

static bool next(struct pbread_list *l, struct pb_item *it)
{
	while (l->field && pb_scan_next(&l->scan, it)) {
		if (it->number == l->field->number && it->wire == PBW_LENGTH)
			return true;
	}
	return false;
}

bool pbread_next(struct pbread_list *l, struct pbread *out)
{
	struct pb_item it;

	if (!next(l, &it))
		return false;
	must(l->field->kind == PB_MESSAGE);
	*out = (struct pbread){l->field->msg, it.b};
	return true;
}

bool pbread_next_text(struct pbread_list *l, struct arena *a, const char **out)
{
	struct pb_item it;

	if (!next(l, &it))
		return false;
	*out = arena_strndup(a, it.b.n ? (const char *)it.b.p : "", it.b.n);
	return true;
}

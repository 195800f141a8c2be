/* SPDX-License-Identifier: Apache-2.0 */
#include "store/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "ev/file.h"
#include "store/store.h"

#define HEADER_FORMAT "navarch-generation %u %20zu %20zu %s\n"

#define SETTINGS_KIND "MeshSettings"	/* of no API group: no object's */

enum {
	FORMAT_VERSION = 1,
	HEADER_MAX = 200,
	PARSE_MAX = 256 * 1024 * 1024,
	RETRY_MAX_MS = 60000,
};

/* ---- writing ---- */

static void put_map(struct buf *out, const char *key, const struct strmap *m)
{
	buf_printf(out, ",\"%s\":{", key);
	for (size_t i = 0; i < m->n; i++) {
		node_text_to_json(m->v[i].key, out);
		buf_char(out, ':');
		node_text_to_json(m->v[i].value, out);
		buf_str(out, i + 1 < m->n ? "," : "");
	}
	buf_char(out, '}');
}

/* The time as RFC 3339 has it, to the nanosecond. */
static void put_time(struct buf *out, int64_t ns)
{
	char text[SCALAR_TIME];

	buf_printf(out, ",\"creationTimestamp\":\"%s\"", scalar_time_print_ns(ns, 9, text));
}

static void put_object(struct buf *out, const struct object *o)
{
	const struct kind_info *info = kind_info(o->kind);
	size_t n = strcspn(info->versions, " ");
	char hex[HASH_HEX_LEN + 1];

	buf_printf(out, "{\"apiVersion\":\"%s%s%.*s\",\"kind\":\"%s\",\"metadata\":{", info->group, *info->group ? "/" : "", (int)n,
		   info->versions, info->name);
	node_member_to_json("", "hash", hash_hex(o->hash, hex), out);
	node_member_to_json(",", "name", o->name, out);
	if (*o->ns) {
		node_member_to_json(",", "namespace", o->ns, out);
	}
	if (o->resource_version) {
		node_member_to_json(",", "resourceVersion", o->resource_version, out);
	}
	if (o->created_ns > 0)
		put_time(out, o->created_ns);
	if (o->file)
		node_member_to_json(",", "file", o->file, out);
	buf_printf(out, ",\"line\":%u,\"generation\":%lld", o->pos.line, (long long)o->generation);
	put_map(out, "labels", &o->labels);
	put_map(out, "annotations", &o->annotations);
	buf_char(out, '}');
	if (*info->body) {
		buf_printf(out, ",\"%s\":", info->body);
		schema_to_json(info->schema, o->spec, out);
		if (o->status) {
			buf_str(out, ",\"status\":");
			schema_to_json(kind_status(o->kind), o->status, out);
		}
		buf_char(out, '}');
	} else {
		/* the object's own fields stand beside its metadata */
		size_t at = out->n;

		schema_to_json(info->schema, o->spec, out);
		if (!out->failed && out->n > at + 2)
			out->p[at] = ',';
		else if (!out->failed)
			out->p[--out->n - 1] = '}';
	}
	buf_char(out, '\n');
}

static size_t put_objects(struct buf *out, const struct object_set *set, const char *prefix)
{
	size_t n = 0, len = strlen(prefix);

	for (size_t k = 0; k < KIND_COUNT; k++) {
		for (size_t i = 0; i < set->kind[k]->n; i++) {
			const struct object *o = set->kind[k]->v[i];

			if (!o->file || strncmp(o->file, prefix, len) != 0)
				continue;
			put_object(out, o);
			n++;
		}
	}
	return n;
}

static void put_settings(struct buf *out, const struct mesh_settings *m)
{
	buf_str(out, "{\"kind\":\"" SETTINGS_KIND "\"");
	if (m->source)
		buf_str(out, ",\"mesh\":");
	if (m->source)
		node_to_json(m->source, true, false, out);
	if (m->networks_source)
		buf_str(out, ",\"meshNetworks\":");
	if (m->networks_source)
		node_to_json(m->networks_source, true, false, out);
	buf_str(out, "}\n");
}

static struct hash128 checksum(const char *body, size_t len, size_t n)
{
	return hash_mix_u64(hash_bytes(body, len), n);
}

int disk_build(const struct object_set *set, const char *prefix, struct buf *out, struct hash128 *sum)
{
	char header[HEADER_MAX], hex[HASH_HEX_LEN + 1];
	size_t n, at;

	at = (size_t)snprintf(header, sizeof(header), HEADER_FORMAT, FORMAT_VERSION, (size_t)0, (size_t)0,
			      hash_hex((struct hash128){0}, hex));
	buf_append(out, header, at);
	put_settings(out, set->settings);
	n = put_objects(out, set, prefix);
	if (out->failed)
		return -1;
	*sum = checksum(out->p + at, out->n - at, n);
	snprintf(header, sizeof(header), HEADER_FORMAT, FORMAT_VERSION, n, out->n - at, hash_hex(*sum, hex));
	memcpy(out->p, header, at);
	return 0;
}

int disk_save(const char *path, const struct object_set *set, const char *prefix, struct hash128 *last, struct err *e)
{
	struct hash128 sum;
	struct buf out;
	int rc = 0;

	buf_init(&out, DISK_FILE_MAX);
	if (disk_build(set, prefix, &out, &sum))
		rc = err_set(e, ERR_LIMIT, "%s: a generation of more than %d MiB", path, DISK_FILE_MAX >> 20);
	else if (!hash_equal(sum, *last))
		rc = file_replace_keep(path, out.p, out.n, 0600, e);
	if (!rc)
		*last = sum;
	buf_fini(&out);
	return rc;
}

/* ---- reading ---- */

/* The lines after the header of a whole file, or NULL. text ends in a NUL. */
static const char *check(const char *text, size_t size, const char *path, struct err *e)
{
	const char *nl = size ? memchr(text, '\n', size) : NULL, *body = nl ? nl + 1 : NULL;
	char want[HEADER_MAX], hex[HASH_HEX_LEN + 1];
	unsigned version;
	size_t n, len;

	if (!nl || nl - text >= HEADER_MAX || sscanf(text, "navarch-generation %u %zu %zu ", &version, &n, &len) != 3) {
		err_set(e, ERR_SYNTAX, "%s is no generation", path);
	} else if (version != FORMAT_VERSION) {
		err_set(e, ERR_SYNTAX, "%s is of format %u, and this is %u", path, version, FORMAT_VERSION);
	} else if (len != size - (size_t)(body - text)) {
		err_set(e, ERR_SYNTAX, "%s is not whole", path);
	} else {
		snprintf(want, sizeof(want), HEADER_FORMAT, version, n, len, hash_hex(checksum(body, len, n), hex));
		if (!strncmp(want, text, (size_t)(body - text)))
			return body;
		err_set(e, ERR_SYNTAX, "%s is damaged: another checksum", path);
	}
	return NULL;
}

static bool read_hash(const struct node *root, struct hash128 *out)
{
	const char *hex = node_text(node_get(root, "metadata"), "hash");
	unsigned long long hi, lo;

	if (!hex || strlen(hex) != HASH_HEX_LEN || sscanf(hex, "%16llx%16llx", &hi, &lo) != 2)
		return false;
	*out = (struct hash128){hi, lo};
	return true;
}

/* One line: the settings, or an object. */
static void hand_line(const struct node *root, struct store *store, disk_fn *fn, void *arg)
{
	const char *kind = node_text(root, "kind");
	struct hash128 hash;

	if (read_hash(root, &hash))
		fn(arg, root, hash);
	else if (store && kind && !strcmp(kind, SETTINGS_KIND))
		store_restore_mesh(store, node_get(root, "mesh"), node_get(root, "meshNetworks"));
}

static void hand_out(const char *p, const char *end, struct store *store, disk_fn *fn, void *arg)
{
	struct arena a;

	arena_init(&a, PARSE_MAX);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct arena_mark mark = arena_mark(&a);
		struct node_doc doc;
		struct diags ds;

		if (!nl)
			break;
		diags_init(&ds, &a);
		doc = node_parse_json(p, (size_t)(nl - p), NULL, &a, &ds);
		if (doc.root && !doc.bad)
			hand_line(doc.root, store, fn, arg);
		arena_rewind(&a, mark);
		p = nl + 1;
	}
	arena_fini(&a);
}

int disk_parse(const char *text, size_t n, const char *path, struct store *store, disk_fn *fn, void *arg, struct err *e)
{
	const char *body = check(text, n, path, e);

	if (!body)
		return -1;
	hand_out(body, text + n, store, fn, arg);
	return 0;
}

static int load_file(const char *path, struct store *store, disk_fn *fn, void *arg, int64_t *saved_s, struct err *e)
{
	struct stat st;
	struct buf text;
	int rc = -1;

	buf_init(&text, DISK_FILE_MAX);
	if (!file_read(path, &text, e) && !disk_parse(buf_cstr(&text), text.n, path, store, fn, arg, e)) {
		*saved_s = stat(path, &st) ? 0 : (int64_t)st.st_mtime;
		rc = 0;
	}
	buf_fini(&text);
	return rc;
}

int disk_load(const char *path, struct store *store, disk_fn *fn, void *arg, int64_t *saved_s, struct err *e)
{
	char old[4096];
	struct err second;

	if (!load_file(path, store, fn, arg, saved_s, e))
		return 0;
	if ((size_t)snprintf(old, sizeof(old), "%s.old", path) >= sizeof(old))
		return -1;
	return load_file(old, store, fn, arg, saved_s, &second) ? -1 : 1;
}

/* ---- in the background ---- */

struct disk_saver {
	struct loop *loop;
	struct job_pool *pool;
	char *path, *prefix;
	struct loop_timer timer;
	disk_current_fn *current;
	void *arg;
	struct job job;
	struct object_set set;		/* the job's; referenced while it runs */
	struct hash128 last;		/* the job's: checksum of what this process wrote last */
	int rc;
	struct err why;
	bool running, again, freed, failing;
	int64_t delay_ms, retry_ms;
};

struct disk_saver *disk_saver_new(struct loop *l, struct job_pool *pool, const char *path, const char *prefix)
{
	struct disk_saver *s = calloc(1, sizeof(*s));

	must(s && "out of memory");
	s->loop = l;
	s->pool = pool;
	s->path = strdup(path);
	s->prefix = strdup(prefix);
	must(s->path && s->prefix && "out of memory");
	return s;
}

static void free_saver(struct disk_saver *s)
{
	free(s->path);
	free(s->prefix);
	free(s);
}

void disk_saver_free(struct disk_saver *s)
{
	if (!s)
		return;
	loop_timer_stop(s->loop, &s->timer);
	s->freed = true;
	if (!s->running)
		free_saver(s);
}

static void run(struct job *job)
{
	struct disk_saver *s = (struct disk_saver *)((char *)job - offsetof(struct disk_saver, job));

	s->rc = disk_save(s->path, &s->set, s->prefix, &s->last, &s->why);
}

static void start(void *arg);

static void done(struct job *job)
{
	struct disk_saver *s = (struct disk_saver *)((char *)job - offsetof(struct disk_saver, job));

	job_fini(job);
	object_set_unref(&s->set);
	s->running = false;
	if (!job->cancelled && s->rc && !s->failing)
		log_warn("disk", "%s; the generation before stays on disk", s->why.text);
	else if (!job->cancelled && !s->rc && s->failing)
		log_info("disk", "%s can be written again", s->path);
	s->failing = !job->cancelled && s->rc;
	s->retry_ms = !s->failing ? 0 : s->retry_ms ? 2 * s->retry_ms : s->delay_ms;
	if (s->retry_ms > RETRY_MAX_MS)
		s->retry_ms = RETRY_MAX_MS;
	if (s->freed)
		free_saver(s);
	else if (s->failing)
		loop_timer_start(s->loop, &s->timer, s->retry_ms, start, s);
	else if (s->again)
		loop_timer_start(s->loop, &s->timer, s->delay_ms, start, s);
}

static void start(void *arg)
{
	struct disk_saver *s = arg;

	s->again = s->running;
	if (s->running)
		return;
	s->set = *s->current(s->arg);
	object_set_ref(&s->set);
	s->running = true;
	job_init(&s->job, JOB_BULK, 0, run, done);
	job_submit(s->pool, &s->job);
}

void disk_saver_kick(struct disk_saver *s, int64_t delay_ms, disk_current_fn *current, void *arg)
{
	s->current = current;
	s->arg = arg;
	s->delay_ms = delay_ms;
	if (!loop_timer_running(&s->timer))
		loop_timer_start(s->loop, &s->timer, delay_ms, start, s);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs scenarios: the real session against a client that a script moves, on virtual time.
 * README.md of this folder has the language.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "client.h"

enum { WORDS_MAX = 400, RESPONSE_CAP = 64 * 1024 * 1024 };

struct run {
	const char *file;
	int line;
	bool failed;
	struct arena arena;
	struct res_table table;
	struct bundle *bundle;
	struct {
		struct res_new v[2000];
		size_t n;
	} set[XDS_TYPES];
	struct session *session;
	struct session_opts opts;
	int64_t now_ms;
	struct client_type type[XDS_TYPES];
	VEC(char *) rejected;		/* events since the last look: "CDS name text" */
	size_t n_acked;
};

static bool fail(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: ", r->file, r->line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	r->failed = true;
	return false;
}

static int type_of(struct run *r, const char *word)
{
	for (int t = 0; word && t < XDS_TYPES; t++)
		if (!strcmp(xds_type_info((enum xds_type)t)->short_name, word))
			return t;
	fail(r, "'%s' is no type", word ? word : "");
	return -1;
}

/* ---- the server's content ---- */

static int compare_new(const void *a, const void *b)
{
	return strcmp(((const struct res_new *)a)->name, ((const struct res_new *)b)->name);
}

static void add_resource(struct run *r, int t, const char *name, const char *content)
{
	struct res_new *n = &r->set[t].v[r->set[t].n++];

	must(r->set[t].n <= ARRAY_LEN(r->set[t].v));
	*n = (struct res_new){.name = name};
	content_write(name, content, &r->arena, &n->bytes, &n->len);
	n->inputs = hash_bytes(n->bytes, n->len);
	if (t == XDS_CDS) {	/* every cluster has its endpoints from EDS */
		struct res_use *use = arena_new(&r->arena, struct res_use);

		*use = (struct res_use){.type = XDS_EDS, .name = name};
		n->uses = use;
		n->n_uses = 1;
	}
}

/* set TYPE name=content ... ; set TYPE prefix*count=content */
static bool do_set(struct run *r, char **w, size_t n)
{
	int t = type_of(r, w[1]);

	if (t < 0)
		return false;
	r->set[t].n = 0;
	for (size_t i = 2; i < n; i++) {
		char *content = strchr(w[i], '='), *count = strchr(w[i], '*');

		if (!content)
			return fail(r, "'%s' has no content", w[i]);
		*content++ = '\0';
		for (int k = 0; count && k < atoi(count + 1); k++)
			add_resource(r, t, arena_printf(&r->arena, "%.*s%04d", (int)(count - w[i]), w[i], k), content);
		if (!count)
			add_resource(r, t, w[i], content);
	}
	if (r->set[t].n)
		qsort(r->set[t].v, r->set[t].n, sizeof(r->set[t].v[0]), compare_new);
	return true;
}

static bool do_push(struct run *r)
{
	struct compiled c = {.gen = 1};
	struct bundle *b;

	for (int t = 0; t < XDS_TYPES; t++) {
		c.set[t].v = r->set[t].v;
		c.set[t].n = r->set[t].n;
	}
	b = bundle_adopt(&r->table, &c, r->bundle);
	if (r->session)
		session_set_bundle(r->session, b);
	bundle_unref(&r->table, r->bundle);
	r->bundle = b;
	return true;
}

/* ---- the client's moves ---- */

static void on_rejected(void *arg, const struct session_reject *x)
{
	struct run *r = arg;

	*vec_push(&r->rejected, &r->arena) =
	    arena_printf(&r->arena, "%s %s %s", xds_type_info(x->type)->short_name, x->name ? x->name : "?", x->text);
}

static void on_acked(void *arg, enum xds_type type, const char *version, int64_t took_ms)
{
	struct run *r = arg;

	(void)type;
	must(strlen(version) == HASH_HEX_LEN && took_ms >= 0);
	r->n_acked++;
}

static void open_session(struct run *r)
{
	struct session_events events = {.arg = r, .rejected = on_rejected, .acked = on_acked};

	session_free(r->session);
	r->opts.id++;
	r->session = session_new(&r->table, &r->opts, &events);
	if (r->bundle)
		session_set_bundle(r->session, r->bundle);
}

/* connect delta|sotw [TYPE]: a new client. reconnect: a new stream of the same client. */
static bool do_connect(struct run *r, char **w, size_t n)
{
	if (n < 2 || (strcmp(w[1], "delta") != 0 && strcmp(w[1], "sotw") != 0))
		return fail(r, "connect delta or sotw");
	memset(r->type, 0, sizeof(r->type));
	r->opts.delta = w[1][0] == 'd';
	r->opts.only_type = n > 2 ? type_of(r, w[2]) : -1;
	open_session(r);
	return true;
}

static bool do_reconnect(struct run *r)
{
	for (int t = 0; t < XDS_TYPES; t++)
		r->type[t].nonce = r->type[t].old_nonce = NULL;
	open_session(r);
	return true;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static bool send(struct run *r, struct xds_request *q)
{
	struct err e = {0};

	if (session_receive(r->session, q, r->now_ms, &e))
		return fail(r, "the stream was ended: %s", e.text);
	return true;
}

/* Names and options of a request: name, nonce=TEXT, version=TEXT, had=NAME@CONTENT. */
static void parse_request(struct run *r, struct client_type *c, char **w, size_t n, struct xds_request *q,
			  struct strs *names)
{
	VEC(const char *) list = {0};
	VEC(struct str_pair) had = {0};

	for (size_t i = 0; i < n; i++) {
		if (!strncmp(w[i], "nonce=", 6))
			q->nonce = !strcmp(w[i] + 6, "old") ? or_empty(c->old_nonce) : w[i] + 6;
		else if (!strncmp(w[i], "version=", 8))
			q->version = w[i] + 8;
		else if (!strncmp(w[i], "had=", 4))
			*vec_push(&had, &r->arena) = (struct str_pair){w[i] + 4, "00000000000000000000000000000001"};
		else
			*vec_push(&list, &r->arena) = w[i];
	}
	*names = (struct strs){list.v, list.n};
	q->initial_versions = (struct strmap){had.v, had.n};
}

static void keep_names(struct run *r, struct client_type *c, const struct strs *names)
{
	c->names.n = 0;
	for (size_t i = 0; i < names->n; i++)
		*vec_push(&c->names, &r->arena) = arena_strdup(&r->arena, names->v[i]);
}

/* subscribe TYPE [name...]: delta: these more; state of the world: exactly these. */
static bool do_subscribe(struct run *r, char **w, size_t n)
{
	int t = type_of(r, w[1]);
	struct client_type *c = t < 0 ? NULL : &r->type[t];
	struct xds_request q = {.nonce = ""};
	struct strs names;

	if (!c)
		return false;
	q.type_url = xds_type_info((enum xds_type)t)->type_url;
	if (!r->opts.delta) {
		q.nonce = or_empty(c->nonce);
		q.version = or_empty(c->version);
	}
	parse_request(r, c, w + 2, n - 2, &q, &names);
	if (r->opts.delta)
		q.subscribe = names;
	else
		q.names = names;
	keep_names(r, c, &names);
	return send(r, &q);
}

static bool do_unsubscribe(struct run *r, char **w, size_t n)
{
	int t = type_of(r, w[1]);
	struct xds_request q = {.nonce = ""};

	if (t < 0)
		return false;
	q.type_url = xds_type_info((enum xds_type)t)->type_url;
	parse_request(r, &r->type[t], w + 2, n - 2, &q, &q.unsubscribe);
	return send(r, &q);
}

/* url TEXT: an empty request of any type URL. */
static bool do_url(struct run *r, char **w, size_t n)
{
	struct xds_request q = {.nonce = "", .version = "", .type_url = n > 1 ? w[1] : ""};

	return send(r, &q);
}

/* resume TYPE: the first request after a reconnect, with what was accepted before. */
static bool do_resume(struct run *r, char **w, size_t n)
{
	int t = type_of(r, w[1]);
	struct client_type *c = t < 0 ? NULL : &r->type[t];
	struct xds_request q = {.nonce = "", .version = ""};
	VEC(struct str_pair) had = {0};
	struct strs names;

	if (!c)
		return false;
	q.type_url = xds_type_info((enum xds_type)t)->type_url;
	parse_request(r, c, w + 2, n - 2, &q, &names);
	if (!r->opts.delta) {
		q.version = or_empty(c->version);
		q.names = n > 2 ? names : (struct strs){(const char *const *)c->names.v, c->names.n};
		return send(r, &q);
	}
	for (size_t i = 0; i < c->held.n; i++)
		*vec_push(&had, &r->arena) = (struct str_pair){c->held.v[i].name, c->held.v[i].version};
	q.subscribe = names;
	q.initial_versions = (struct strmap){had.v, had.n};
	return send(r, &q);
}

static void hold(struct run *r, struct client_type *c, const char *name, struct item *i)
{
	size_t k = 0;

	while (k < c->held.n && strcmp(c->held.v[k].name, name) != 0)
		k++;
	if (k == c->held.n && i)
		*vec_push(&c->held, &r->arena) = *i;
	else if (i)
		c->held.v[k] = *i;
	else if (k < c->held.n)
		c->held.v[k] = c->held.v[--c->held.n];
}

/* ack TYPE [nonce=TEXT]; nack TYPE "text" [nonce=TEXT] */
static bool do_answer(struct run *r, char **w, size_t n)
{
	bool ack = !strcmp(w[0], "ack");
	int t = type_of(r, w[1]);
	struct client_type *c = t < 0 ? NULL : &r->type[t];
	struct xds_request q = {0};
	struct strs names;

	if (!c)
		return false;
	q.type_url = xds_type_info((enum xds_type)t)->type_url;
	q.nonce = or_empty(c->nonce);
	q.has_error = !ack;
	q.error_code = ack ? 0 : 13;
	q.error_text = ack || n < 3 ? "" : w[2];
	if (ack) {
		c->version = c->pending;
		for (size_t i = 0; i < c->last.items.n; i++)
			hold(r, c, c->last.items.v[i].name, &c->last.items.v[i]);
		for (size_t i = 0; i < c->last.removed.n; i++)
			hold(r, c, c->last.removed.v[i], NULL);
	}
	q.version = or_empty(c->version);
	parse_request(r, c, w + (ack ? 2 : 3), n - (ack ? 2 : n < 3 ? n : 3), &q, &names);
	if (!r->opts.delta)
		q.names = (struct strs){(const char *const *)c->names.v, c->names.n};
	return send(r, &q);
}

/* ---- what the server says ---- */

static const char *show(struct run *r, const struct message *m)
{
	const char *text = "";

	for (size_t i = 0; i < m->items.n && i < 20; i++)
		text = arena_printf(&r->arena, "%s %s=%s", text, m->items.v[i].name, m->items.v[i].content);
	for (size_t i = 0; i < m->removed.n && i < 20; i++)
		text = arena_printf(&r->arena, "%s -%s", text, m->removed.v[i]);
	return text;
}

static bool take(struct run *r, int *type, struct message *m)
{
	struct buf out;
	bool got;

	buf_init(&out, RESPONSE_CAP);
	got = session_wants_to_send(r->session);
	if (session_next(r->session, r->now_ms, &out) != got)
		fail(r, "session_wants_to_send and session_next do not agree");
	if (got && !message_read((const uint8_t *)out.p, out.n, r->opts.delta, &r->arena, m))
		got = fail(r, "a response that cannot be read");
	buf_fini(&out);
	*type = got ? xds_type_find(m->type_url) : -1;
	return got;
}

static bool check_item(struct run *r, const struct message *m, const char *want, size_t *items, size_t *removed)
{
	const char *content = strchr(want, '='), *count = strchr(want, '*');
	struct item *i;

	if (want[0] == '-')
		return *removed < m->removed.n && !strcmp(m->removed.v[(*removed)++], want + 1);
	if (count) {	/* so many resources, whatever they are */
		*items += (size_t)atoi(count + 1);
		return *items <= m->items.n;
	}
	if (!content || *items >= m->items.n)
		return false;
	i = &m->items.v[(*items)++];
	return !strcmp(i->name, arena_strndup(&r->arena, want, (size_t)(content - want))) &&
	       !strcmp(i->content, content + 1);
}

/* recv TYPE [name=content | -name | *count | nonce~TEXT]...: the next response is exactly that. */
static bool do_recv(struct run *r, char **w, size_t n)
{
	int want = type_of(r, w[1]), got;
	size_t items = 0, removed = 0;
	struct message m;
	struct client_type *c;

	if (want < 0)
		return false;
	if (!take(r, &got, &m))
		return fail(r, "nothing came, expected %s", w[1]);
	if (got != want)
		return fail(r, "got %s%s, expected %s", got < 0 ? m.type_url : xds_type_info((enum xds_type)got)->short_name,
			    show(r, &m), w[1]);
	for (size_t i = 2; i < n; i++) {
		if (!strncmp(w[i], "nonce~", 6)) {
			if (!strstr(m.nonce, w[i] + 6))
				return fail(r, "the nonce is %s", m.nonce);
		} else if (!check_item(r, &m, w[i], &items, &removed)) {
			return fail(r, "got%s, expected %s at this place", show(r, &m), w[i]);
		}
	}
	if (items != m.items.n || removed != m.removed.n)
		return fail(r, "got more:%s", show(r, &m));
	c = &r->type[got];
	c->old_nonce = c->nonce;
	c->nonce = m.nonce;
	c->pending = m.version;
	c->last = m;
	return true;
}

static bool do_quiet(struct run *r)
{
	struct message m;
	int type;

	if (take(r, &type, &m))
		return fail(r, "got %s%s, expected nothing",
			    type < 0 ? m.type_url : xds_type_info((enum xds_type)type)->short_name, show(r, &m));
	return true;
}

static bool check_status(struct run *r, int t, const char *key, const char *value)
{
	static const char *const states[] = {"none", "synced", "waiting", "rejected"};
	struct session_status s;
	const char *got;

	session_status(r->session, (enum xds_type)t, &s);
	if (!strcmp(key, "state"))
		got = states[s.state];
	else if (!strcmp(key, "names"))
		got = arena_printf(&r->arena, "%zu", s.n_names);
	else if (!strcmp(key, "wildcard"))
		got = s.wildcard ? "yes" : "no";
	else if (!strcmp(key, "acks"))
		got = arena_printf(&r->arena, "%llu", (unsigned long long)s.n_acked);
	else if (!strcmp(key, "nacks"))
		got = arena_printf(&r->arena, "%llu", (unsigned long long)s.n_rejected);
	else if (!strcmp(key, "waiting_ms"))
		got = arena_printf(&r->arena, "%lld", s.waiting_since_ms ? (long long)(r->now_ms - s.waiting_since_ms) : 0);
	else if (!strcmp(key, "text"))
		return (s.reject_text && strstr(s.reject_text, value)) ||
		       fail(r, "the text is '%s'", or_empty(s.reject_text));
	else
		return fail(r, "'%s' is not known", key);
	return !strcmp(got, value) || fail(r, "%s is %s, expected %s", key, got, value);
}

/* expect TYPE key=value...; expect rejected TYPE NAME [text] | expect rejected nothing;
 * expect versions TYPE equal; expect ignored=N */
static bool do_expect(struct run *r, char **w, size_t n)
{
	int t;

	if (n > 2 && !strcmp(w[1], "rejected")) {
		const char *want = n > 3 ? arena_printf(&r->arena, "%s %s %s", w[2], w[3], n > 4 ? w[4] : "") : NULL;
		char *got = r->rejected.n ? r->rejected.v[0] : NULL;

		if (!want)
			return !got || fail(r, "rejected: %s", got);
		if (!got || strncmp(got, want, strlen(want)) != 0)
			return fail(r, "rejected: %s, expected %s", or_empty(got), want);
		memmove(r->rejected.v, r->rejected.v + 1, --r->rejected.n * sizeof(r->rejected.v[0]));
		return true;
	}
	if (n == 2 && !strncmp(w[1], "ignored=", 8))
		return session_n_ignored(r->session) == (uint64_t)atoi(w[1] + 8) || fail(r, "ignored is not that");
	t = type_of(r, w[1]);
	if (t < 0)
		return false;
	for (size_t i = 2; i < n; i++) {
		char *value = strchr(w[i], '=');

		if (!value)
			return fail(r, "'%s' has no value", w[i]);
		*value++ = '\0';
		if (!check_status(r, t, w[i], value))
			return false;
	}
	return true;
}

static bool run_words(struct run *r, char **w, size_t n);

/* refused "text" VERB...: the stream is ended, and the reason holds the text. */
static bool do_refused(struct run *r, char **w, size_t n)
{
	struct xds_request q = {.nonce = "", .version = ""};
	struct err e = {0};

	if (n < 3)
		return fail(r, "refused \"text\" URL");
	q.type_url = w[2];
	if (!session_receive(r->session, &q, r->now_ms, &e))
		return fail(r, "it was accepted");
	return strstr(e.text, w[1]) || fail(r, "the reason is: %s", e.text);
}

static bool run_words(struct run *r, char **w, size_t n)
{
	static const struct {
		const char *verb;
		bool (*run)(struct run *r, char **w, size_t n);
		size_t least;
	} verbs[] = {
	    {"set", do_set, 2}, {"connect", do_connect, 2}, {"subscribe", do_subscribe, 2},
	    {"unsubscribe", do_unsubscribe, 3}, {"url", do_url, 1}, {"resume", do_resume, 2}, {"ack", do_answer, 2},
	    {"nack", do_answer, 3}, {"recv", do_recv, 2}, {"expect", do_expect, 2}, {"refused", do_refused, 3},
	};

	if (!strcmp(w[0], "push"))
		return do_push(r);
	if (!strcmp(w[0], "reconnect"))
		return do_reconnect(r);
	if (!strcmp(w[0], "quiet"))
		return do_quiet(r);
	if (!strcmp(w[0], "advance") && n == 2) {
		r->now_ms += atoi(w[1]);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].verb, w[0]))
			return n >= verbs[i].least ? verbs[i].run(r, w, n) : fail(r, "%s: too few words", w[0]);
	return fail(r, "'%s' is no verb", w[0]);
}

/* ---- the script ---- */

/* Words by blanks; "..." is one word, with \n and \". */
static size_t split(char *p, char **w)
{
	size_t n = 0;

	while (n < WORDS_MAX) {
		bool quoted;
		char *to;

		p += strspn(p, " \t\r\n");
		if (!*p || *p == '#')
			break;
		quoted = *p == '"';
		w[n++] = to = p += quoted;
		while (*p && (quoted ? *p != '"' : !isspace((unsigned char)*p))) {
			if (quoted && *p == '\\' && p[1])
				*to++ = *++p == 'n' ? '\n' : *p;
			else
				*to++ = *p;
			p++;
		}
		if (*p)
			p++;
		*to = '\0';
	}
	return n;
}

static bool run_file(const char *file)
{
	struct run *r = calloc(1, sizeof(*r));
	FILE *f = fopen(file, "r");
	char line[8192], *w[WORDS_MAX];
	bool ok, has_rule = false;

	must(r);
	r->file = file;
	r->now_ms = 1000;
	arena_init(&r->arena, 0);
	res_table_init(&r->table);
	if (!f)
		fail(r, "%s", strerror(errno));
	while (f && !r->failed && fgets(line, sizeof(line), f)) {
		size_t n;

		r->line++;
		has_rule |= !strncmp(line, "# rule:", 7);
		n = split(arena_strdup(&r->arena, line), w);
		if (n)
			run_words(r, w, n);
	}
	if (!r->failed && !has_rule)
		fail(r, "no line '# rule:'");
	if (!r->failed && r->rejected.n)
		fail(r, "a refusal that was not expected: %s", r->rejected.v[0]);
	ok = !r->failed;
	if (f)
		fclose(f);
	session_free(r->session);
	bundle_unref(&r->table, r->bundle);
	res_table_fini(&r->table);
	arena_fini(&r->arena);
	free(r);
	return ok;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		if (run_file(argv[i]))
			passed++;
		else
			failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0 || !passed;
}

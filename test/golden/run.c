/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden runner: test/golden/<area>/<case>/ in, what came out against want/.
 *
 *	run [--update] [--dump DIR] [ROOT]	FOCUS=area/case: the cases whose name begins so
 */
#include "golden.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "base/vec.h"
#include "ev/file.h"
#include "analyze/analyze.h"

struct run {
	bool update;
	const char *dump, *root, *focus;
	int home;			/* the working directory outside of cases */
	size_t passed, failed, rewritten;
	bool seen[D_COUNT];		/* codes that some case shows */
};

/* Codes that no small manifest can show. Unit tests have them. */
static const enum diag_code elsewhere[] = {D_FILE_UNREADABLE, D_LIMIT_SIZE, D_LIMIT_COUNT, D_LIMIT_MEMORY,
					  D_ENTRY_ADDRESSES_SPENT,
					  /* of no object: test/unit/ca/rotation_test.c, test/e2e/test_rotation.py */
					  D_CERT_EXPIRED, D_CERT_EXPIRES_SOON, D_CERT_NOT_YET, D_CERT_TRUST_DOMAIN, D_ROTATION_BEHIND,
					  D_ROTATION_PAUSED, D_ROTATION_CLOCK, D_ROTATION_NO_KEY, D_ROTATION_ABORTED,
					  D_CRL_REFUSED, D_CRL_EXPIRES_SOON, D_CRL_EXPIRED};

/* One case on its way. */
struct trial {
	struct run *run;
	const struct golden_case *c;
	size_t problems;
	VEC(const char *) written;	/* names below want/ */
};

__attribute__((format(printf, 2, 3))) static void problem(struct trial *t, const char *fmt, ...)
{
	va_list ap;

	printf("%s: ", t->c->name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	t->problems++;
}

/* ---- want/ ---- */

static const char *path_of(struct trial *t, const char *name)
{
	return arena_printf((struct arena *)&t->c->arena, "want%s%s", *name ? "/" : "", name);
}

static void show_diff(const char *want, const struct buf *got)
{
	char temp[] = "/tmp/golden-XXXXXX";
	int fd = mkstemp(temp);
	pid_t pid;

	must(fd >= 0 && write(fd, got->p, got->n) == (ssize_t)got->n);
	close(fd);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execlp("diff", "diff", "-u", "--label", want, "--label", "got", access(want, F_OK) ? "/dev/null" : want,
		       temp, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	unlink(temp);
}

static bool file_equals(const char *path, const struct buf *got)
{
	struct buf b;
	struct err e;
	bool equal;

	buf_init(&b, GOLDEN_TEXT_MAX);
	equal = file_read(path, &b, &e) == 0 && b.n == got->n && (b.n == 0 || memcmp(b.p, got->p, b.n) == 0);
	buf_fini(&b);
	return equal;
}

static void check_file(struct trial *t, const char *name, const struct buf *got)
{
	const char *path = path_of(t, name);
	struct err e;

	*vec_push(&t->written, (struct arena *)&t->c->arena) = name;
	if (file_equals(path, got))
		return;
	if (!t->run->update) {
		problem(t, "want/%s differs", name);
		show_diff(path, got);
		return;
	}
	mkdir(path_of(t, ""), 0777);
	if (file_replace(path, got->p, got->n, 0644, &e) < 0)
		problem(t, "%s", e.text);
	t->run->rewritten++;
}

static bool is_written(const struct trial *t, const char *name)
{
	for (size_t i = 0; i < t->written.n; i++)
		if (strcmp(t->written.v[i], name) == 0)
			return true;
	return false;
}

static void check_stale(struct trial *t)
{
	DIR *d = opendir(path_of(t, ""));
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.' || is_written(t, entry->d_name))
			continue;
		if (!t->run->update)
			problem(t, "want/%s has nothing that it describes", entry->d_name);
		else if (unlink(path_of(t, entry->d_name)) == 0)
			t->run->rewritten++;
	}
	if (d)
		closedir(d);
}

/* ---- one case ---- */

static void add_finding(struct trial *t, const struct diag *d, struct buf *out)
{
	const char *line = diag_format(d, (struct arena *)&t->c->arena);
	const char *text = buf_cstr(out), *same = strstr(text, line);

	t->run->seen[d->code] = true;
	if (same && (same == text || same[-1] == '\n') && same[strlen(line)] == '\n')
		return;		/* the verdict repeats a finding of decoding */
	buf_printf(out, "%s\n", line);
}

static void check_findings(struct trial *t, const struct live *l)
{
	struct buf out;

	buf_init(&out, GOLDEN_TEXT_MAX);
	for (size_t i = 0; i < t->c->diags.n; i++)
		add_finding(t, &t->c->diags.v[i], &out);
	for (size_t i = 0; i < l->snap->n_verdicts; i++)
		for (size_t k = 0; k < l->snap->verdicts[i].n_why; k++)
			add_finding(t, &l->snap->verdicts[i].why[k], &out);
	if (out.n)
		check_file(t, "diags.txt", &out);
	buf_fini(&out);
}

/* Only where the case has such a file: most verdicts are plain. */
static void check_verdicts(struct trial *t, const struct live *l)
{
	struct buf out;

	if (access(path_of(t, "verdicts.txt"), F_OK) != 0)
		return;
	buf_init(&out, GOLDEN_TEXT_MAX);
	live_verdicts(l, &out);
	check_file(t, "verdicts.txt", &out);
	buf_fini(&out);
}

static void check_statuses(struct trial *t, const struct live *l)
{
	struct buf out;

	if (access(path_of(t, "status.txt"), F_OK) != 0)
		return;
	buf_init(&out, GOLDEN_TEXT_MAX);
	live_statuses(l, &out);
	check_file(t, "status.txt", &out);
	buf_fini(&out);
}

/* Only where the case has such a file: other cases are not written to be without fault. */
static void check_analysis(struct trial *t, const struct live *l)
{
	struct diags found;
	struct buf out;

	if (access(path_of(t, "analysis.txt"), F_OK) != 0)
		return;
	diags_init(&found, (struct arena *)&t->c->arena);
	analyze(l->snap, NULL, 0, &found);
	buf_init(&out, GOLDEN_TEXT_MAX);
	for (size_t i = 0; i < found.n; i++) {
		t->run->seen[found.v[i].code] = true;
		buf_printf(&out, "%s\n", diag_format(&found.v[i], (struct arena *)&t->c->arena));
	}
	check_file(t, "analysis.txt", &out);
	buf_fini(&out);
}

static void dump(struct trial *t, const struct golden_proxy *p, const struct bundle *b)
{
	char *path = arena_printf((struct arena *)&t->c->arena, "%s/%s.%s.json", t->run->dump, t->c->name, p->name);
	struct buf out;
	struct err e;

	*strchr(path + strlen(t->run->dump) + 1, '/') = '.';
	buf_init(&out, GOLDEN_TEXT_MAX);
	if (golden_print_all(b, &out, &e) < 0 || file_replace(path, out.p, out.n, 0644, &e) < 0)
		problem(t, "%s: %s", p->name, e.text);
	buf_fini(&out);
}

static void check_proxy(struct trial *t, const struct golden_proxy *p, const struct bundle *b)
{
	struct buf out;
	struct err e;
	bool any = false;

	if (golden_round_trip(b, &e) < 0)
		problem(t, "%s: %s", p->name, e.text);
	if (t->run->dump)
		dump(t, p, b);
	for (int i = 0; i < XDS_TYPES; i++)
		any = any || p->shown[i];
	if (!any)
		return;
	buf_init(&out, GOLDEN_TEXT_MAX);
	if (golden_print(p, b, &out, &e) < 0)
		problem(t, "%s: %s", p->name, e.text);
	else
		check_file(t, arena_printf((struct arena *)&t->c->arena, "%s.json", p->name), &out);
	buf_fini(&out);
}

static void try_case(struct trial *t)
{
	const struct golden_case *c = t->c;
	struct res_table table;
	struct live live = {0};
	struct err e;

	res_table_init(&table);
	if (live_build(c, &table, NULL, c->settings, c->objs, c->n_objs, &live, &e) < 0) {
		problem(t, "%s", e.text);
	} else {
		check_findings(t, &live);
		check_verdicts(t, &live);
		check_statuses(t, &live);
		check_analysis(t, &live);
		for (size_t i = 0; i < c->n_proxies; i++)
			check_proxy(t, &c->proxies[i], live.bundles[i]);
		check_stale(t);
		if (replay(c, &table, &live, &e) < 0)
			problem(t, "%s", e.text);
	}
	live_fini(c, &table, &live);
	res_table_fini(&table);
}

static void run_case(struct run *r, const char *dir, const char *name)
{
	struct golden_case c;
	struct trial t = {.run = r, .c = &c};
	struct err e;

	must_note(name);
	must(chdir(dir) == 0);
	if (golden_open(&c, name, &e) < 0)
		problem(&t, "%s", e.text);
	else
		try_case(&t);
	golden_close(&c);
	must(fchdir(r->home) == 0);
	must_note(NULL);
	r->passed += t.problems == 0;
	r->failed += t.problems != 0;
}

/* ---- the suite ---- */

/* What must be hit and was not: every code has a case. */
static void check_codes(struct run *r)
{
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
		r->seen[elsewhere[i]] = true;
	for (size_t i = 0; i < D_COUNT; i++) {
		if (r->seen[i])
			continue;
		printf("no case shows %s %s\n", diag_info((enum diag_code)i)->id, diag_info((enum diag_code)i)->name);
		r->failed++;
	}
}

static int is_folder(const struct dirent *d)
{
	return d->d_name[0] != '.' && !strchr(d->d_name, '.');
}

static void run_area(struct run *r, const char *area)
{
	char path[512], dir[1024], name[768];
	struct dirent **cases;
	int n;

	snprintf(path, sizeof(path), "%s/%s", r->root, area);
	n = scandir(path, &cases, is_folder, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(dir, sizeof(dir), "%s/%s", path, cases[i]->d_name);
		snprintf(name, sizeof(name), "%s/%s", area, cases[i]->d_name);
		if (!r->focus || strncmp(name, r->focus, strlen(r->focus)) == 0)
			run_case(r, dir, name);
		free(cases[i]);
	}
	if (n >= 0)
		free(cases);
}

static int run_all(struct run *r)
{
	struct dirent **areas;
	int n = scandir(r->root, &areas, is_folder, alphasort);

	if (n < 0) {
		perror(r->root);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		run_area(r, areas[i]->d_name);
		free(areas[i]);
	}
	free(areas);
	if (!r->focus)
		check_codes(r);
	if (r->update)
		printf("%zu files written or deleted\n", r->rewritten);
	printf("%zu passed, %zu failed, 0 skipped\n", r->passed, r->failed);
	return r->failed != 0;
}

int main(int argc, char **argv)
{
	struct run r = {.root = "test/golden", .focus = getenv("FOCUS")};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--update") == 0)
			r.update = true;
		else if (strcmp(argv[i], "--dump") == 0 && i + 1 < argc)
			r.dump = argv[++i];
		else
			r.root = argv[i];
	}
	if (r.focus && !*r.focus)
		r.focus = NULL;
	r.home = open(".", O_RDONLY | O_DIRECTORY);
	must(r.home >= 0);
	if (r.dump) {
		mkdir(r.dump, 0777);
		r.dump = realpath(r.dump, NULL);
		must(r.dump);
	}
	return run_all(&r);
}

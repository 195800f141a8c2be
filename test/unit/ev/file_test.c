/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "ev/file.h"

static const char *const yaml[] = {".yaml", ".yml", ".json", NULL};

struct fixture {
	struct arena a;
	char dir[64];
	struct loop *loop;
	int changes;
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e;

	strcpy(f->dir, "/tmp/ev-file-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	arena_init(&f->a, 0);
	f->loop = loop_new(&e);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_fini(&f->a);
	free(f);
	return 0;
}

static const char *in(struct fixture *f, const char *name)
{
	return arena_printf(&f->a, "%s/%s", f->dir, name);
}

static void put(struct fixture *f, const char *name, const char *text)
{
	FILE *out = fopen(in(f, name), "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void make_dir(struct fixture *f, const char *name)
{
	assert_int_equal(mkdir(in(f, name), 0755), 0);
}

static void make_link(struct fixture *f, const char *target, const char *name)
{
	assert_int_equal(symlink(target, in(f, name)), 0);
}

static void reads_bounded(void **state)
{
	struct fixture *f = *state;
	struct buf b;
	struct err e;

	put(f, "a", "0123456789");
	buf_init(&b, 10);
	assert_int_equal(file_read(in(f, "a"), &b, &e), 0);
	assert_int_equal(b.n, 10);
	assert_memory_equal(b.p, "0123456789", 10);
	assert_int_equal(file_read(in(f, "a"), &b, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(b.n, 10);
	assert_false(b.failed);
	buf_clear(&b);
	assert_int_equal(file_read(in(f, "none"), &b, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(file_read(f->dir, &b, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(mkfifo(in(f, "fifo"), 0600), 0);
	assert_int_equal(file_read(in(f, "fifo"), &b, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(file_read("/proc/self/status", &b, &e), -1);	/* says size 0, is larger */
	assert_int_equal(e.code, ERR_LIMIT);
	buf_fini(&b);
}

static void replaces(void **state)
{
	struct fixture *f = *state;
	const char *path = in(f, "key");
	struct file_list l;
	struct stat st;
	struct buf b;
	struct err e;

	assert_int_equal(file_replace(path, "one", 3, 0600, &e), 0);
	assert_int_equal(file_replace(path, "second", 6, 0644, &e), 0);
	buf_init(&b, 100);
	assert_int_equal(file_read(path, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "second");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file_replace(in(f, "no/such"), "x", 1, 0600, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	make_dir(f, "dir");
	assert_int_equal(file_replace(in(f, "dir"), "x", 1, 0600, &e), -1);
	assert_int_equal(file_list(f->dir, (const char *const[]){"", NULL}, &f->a, &l, &e), 0);
	assert_int_equal(l.n, 1);	/* nothing is left of the failed one */
	buf_fini(&b);
}

static void lists_like_a_config_map(void **state)
{
	struct fixture *f = *state;
	struct file_list l;
	struct err e;

	make_dir(f, "cm");
	make_dir(f, "cm/..2024_1");
	put(f, "cm/..2024_1/b.yaml", "b");
	put(f, "cm/..2024_1/a.yml", "a");
	make_link(f, "..2024_1", "cm/..data");
	make_link(f, "..data/b.yaml", "cm/b.yaml");
	make_link(f, "..data/a.yml", "cm/a.yml");
	make_dir(f, "cm/sub");
	put(f, "cm/sub/c.json", "c");
	put(f, "cm/sub/.hidden.yaml", "no");
	put(f, "cm/sub/notes.txt", "no");
	make_link(f, "..", "cm/sub/loop");
	make_link(f, "nowhere", "cm/dangling.yaml");
	assert_int_equal(file_list(in(f, "cm/"), yaml, &f->a, &l, &e), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0], in(f, "cm/a.yml"));
	assert_string_equal(l.v[1], in(f, "cm/b.yaml"));
	assert_string_equal(l.v[2], in(f, "cm/sub/c.json"));
	assert_int_equal(file_list(in(f, "cm/sub/notes.txt"), yaml, &f->a, &l, &e), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(file_list(in(f, "none"), yaml, &f->a, &l, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void deep_trees_are_refused(void **state)
{
	struct fixture *f = *state;
	char path[256] = "d";
	struct file_list l;
	struct err e;

	for (int i = 0; i < FILE_DEPTH_MAX; i++) {
		make_dir(f, path);
		strcat(path, "/d");
	}
	assert_int_equal(file_list(f->dir, yaml, &f->a, &l, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void on_change(void *arg)
{
	struct fixture *f = arg;

	f->changes++;
}

/* Turns the loop until one more change is told; fails after 10 s. */
static void await_change(struct fixture *f)
{
	int before = f->changes;
	int64_t until = loop_now_ms(f->loop) + 10000;

	while (f->changes == before) {
		loop_turn(f->loop, 1000);
		assert_true(loop_now_ms(f->loop) < until);
	}
}

static void on_time(void *arg)
{
	*(bool *)arg = true;
}

static void expect_quiet(struct fixture *f, int64_t ms)
{
	int before = f->changes;
	struct loop_timer t = {0};
	bool over = false;

	loop_turn(f->loop, 0);
	loop_timer_start(f->loop, &t, ms, on_time, &over);
	while (!over)
		loop_turn(f->loop, 1000);
	assert_int_equal(f->changes, before);
}

static struct file_watch *watch(struct fixture *f, const char *name)
{
	struct err e;
	struct file_watch *w = file_watch_open(f->loop, in(f, name), 10, 200, on_change, f, &e);

	assert_non_null(w);
	expect_quiet(f, 30);
	return w;
}

static void append(struct fixture *f, const char *name)
{
	int fd = open(in(f, name), O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, "more", 4), 4);
	close(fd);
}

static void watch_sees_every_way_to_save(void **state)
{
	struct fixture *f = *state;
	struct file_watch *w;
	struct err e;

	make_dir(f, "cfg");
	put(f, "cfg/a.yaml", "1");
	w = watch(f, "cfg");
	append(f, "cfg/a.yaml");			/* in place */
	await_change(f);
	put(f, "cfg/b.yaml", "new");			/* created */
	await_change(f);
	assert_int_equal(file_replace(in(f, "cfg/a.yaml"), "2", 1, 0644, &e), 0);
	await_change(f);				/* renamed over */
	assert_int_equal(unlink(in(f, "cfg/b.yaml")), 0);
	await_change(f);
	assert_int_equal(rename(in(f, "cfg/a.yaml"), in(f, "cfg/a.yaml~")), 0);	/* vim with a backup */
	put(f, "cfg/a.yaml", "3");
	await_change(f);
	expect_quiet(f, 50);
	put(f, "cfg/.a.yaml.swp", "swap");		/* nobody's business */
	expect_quiet(f, 50);
	file_watch_close(w);
}

static void watch_sees_new_directories(void **state)
{
	struct fixture *f = *state;
	struct file_watch *w;

	make_dir(f, "cfg");
	w = watch(f, "cfg");
	make_dir(f, "cfg/sub");
	make_dir(f, "cfg/sub/deep");
	put(f, "cfg/sub/deep/a.yaml", "1");
	await_change(f);
	expect_quiet(f, 50);
	append(f, "cfg/sub/deep/a.yaml");
	await_change(f);
	make_dir(f, "elsewhere");
	put(f, "elsewhere/x.yaml", "1");
	make_link(f, "../elsewhere/x.yaml", "cfg/x.yaml");
	make_link(f, "../elsewhere", "cfg/linked");
	await_change(f);
	expect_quiet(f, 50);
	append(f, "elsewhere/x.yaml");			/* through either link */
	await_change(f);
	put(f, "elsewhere/y.yaml", "1");
	await_change(f);
	file_watch_close(w);
}

static void watch_sees_config_map_swap(void **state)
{
	struct fixture *f = *state;
	struct file_watch *w;

	make_dir(f, "cm");
	make_dir(f, "cm/..2024_1");
	put(f, "cm/..2024_1/a.yaml", "1");
	make_link(f, "..2024_1", "cm/..data");
	make_link(f, "..data/a.yaml", "cm/a.yaml");
	w = watch(f, "cm");
	for (int i = 2; i < 5; i++) {
		const char *dir = arena_printf(&f->a, "cm/..2024_%d", i);

		make_dir(f, dir);
		put(f, arena_printf(&f->a, "%s/a.yaml", dir), "2");
		make_link(f, dir + 3, "cm/..data_tmp");
		assert_int_equal(rename(in(f, "cm/..data_tmp"), in(f, "cm/..data")), 0);
		await_change(f);
		expect_quiet(f, 50);
	}
	file_watch_close(w);
}

static void watch_survives_its_root(void **state)
{
	struct fixture *f = *state;
	struct file_watch *w;

	w = watch(f, "p/cfg");				/* not there yet, nor its parent */
	make_dir(f, "p");
	make_dir(f, "p/cfg");
	put(f, "p/cfg/a.yaml", "1");
	await_change(f);
	expect_quiet(f, 50);
	append(f, "p/cfg/a.yaml");
	await_change(f);
	put(f, "p/other", "not ours");
	expect_quiet(f, 50);
	assert_int_equal(unlink(in(f, "p/cfg/a.yaml")), 0);
	assert_int_equal(rmdir(in(f, "p/cfg")), 0);
	await_change(f);
	expect_quiet(f, 50);
	make_dir(f, "p/cfg");
	await_change(f);
	put(f, "p/cfg/a.yaml", "2");
	await_change(f);
	assert_int_equal(rename(in(f, "p"), in(f, "q")), 0);
	await_change(f);
	expect_quiet(f, 50);
	append(f, "q/cfg/a.yaml");
	expect_quiet(f, 50);
	assert_int_equal(rename(in(f, "q"), in(f, "p")), 0);
	await_change(f);
	append(f, "p/cfg/a.yaml");
	await_change(f);
	file_watch_close(w);
}

static void watch_of_one_file(void **state)
{
	struct fixture *f = *state;
	struct file_watch *w;
	struct err e;

	put(f, "mesh.yaml", "1");
	w = watch(f, "mesh.yaml");
	append(f, "mesh.yaml");
	await_change(f);
	assert_int_equal(file_replace(in(f, "mesh.yaml"), "2", 1, 0644, &e), 0);
	await_change(f);
	append(f, "mesh.yaml");
	await_change(f);
	put(f, "neighbour.yaml", "1");
	expect_quiet(f, 50);
	file_watch_close(w);
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A machine that stalls makes the storm pause, and the watch may report early: such a run says
 * nothing, and is repeated. */
static void storms_are_bounded(void **state)
{
	struct fixture *f = *state;
	bool paused = true;

	make_dir(f, "cfg");
	put(f, "cfg/a.yaml", "1");
	for (int runs = 0; paused && runs < 50; runs++) {
		struct file_watch *w = watch(f, "cfg");
		int64_t began = clock_ms(), last = began, now = began;

		paused = false;
		f->changes = 0;
		while (!f->changes && now - began < 5000) {	/* never 10 ms quiet */
			append(f, "cfg/a.yaml");
			loop_turn(f->loop, 1);
			now = clock_ms();
			paused |= now - last >= 8;
			last = now;
		}
		file_watch_close(w);
		assert_true(f->changes);
		assert_true(paused || now - began >= 190);
	}
	if (paused) {
		print_message("SKIPPED: storms_are_bounded: this machine stalls for 8 ms or more all the time\n");
		skip();
	}
}

static void creates_once_and_privately(void **state)
{
	struct fixture *f = *state;
	char path[100], link[100];
	struct err e;

	snprintf(path, sizeof(path), "%s/key", f->dir);
	snprintf(link, sizeof(link), "%s/link", f->dir);
	assert_int_equal(file_create(path, "k", 1, 0600, &e), 0);
	assert_int_equal(file_create(path, "l", 1, 0600, &e), -1);
	assert_int_equal(file_check_private(path, &e), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(file_check_private(link, &e), -1);
	assert_int_equal(file_create(link, "l", 1, 0600, &e), -1);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(file_check_private(path, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(file_remove(path, &e), 0);
	assert_int_equal(file_remove(path, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(file_make_dir(f->dir, 0700, &e), 0);
	assert_int_equal(file_make_dir(link, 0700, &e), -1);	/* a dangling link is no directory */
}

static off_t size_of(const char *path, int number)
{
	char name[120];
	struct stat st;

	snprintf(name, sizeof(name), number ? "%s.%d" : "%s", path, number);
	return stat(name, &st) ? -1 : st.st_size;
}

static void log_rotates(void **state)
{
	struct fixture *f = *state;
	struct file_log *log;
	char path[100];
	struct err e;

	snprintf(path, sizeof(path), "%s/log", f->dir);
	log = file_log_open(path, 25, 2, &e);
	assert_non_null(log);
	for (int i = 0; i < 7; i++)	/* two lines a file */
		assert_int_equal(file_log_append(log, "123456789\n", 10, &e), 0);
	file_log_close(log);
	assert_int_equal(size_of(path, 0), 10);
	assert_int_equal(size_of(path, 1), 20);
	assert_int_equal(size_of(path, 2), 20);
	assert_int_equal(size_of(path, 3), -1);
	assert_int_equal(file_check_private(path, &e), 0);
	/* what stands there already counts */
	log = file_log_open(path, 25, 2, &e);
	for (int i = 0; i < 2; i++)
		assert_int_equal(file_log_append(log, "123456789\n", 10, &e), 0);
	file_log_close(log);
	assert_int_equal(size_of(path, 0), 10);
	/* a directory in its place */
	assert_null(file_log_open(f->dir, 25, 2, &e));
}

static void one_has_a_lock(void **state)
{
	struct fixture *f = *state;
	char path[100], mine[40];
	struct err e;
	int fd;

	snprintf(path, sizeof(path), "%s/lock", f->dir);
	snprintf(mine, sizeof(mine), "process %d has it", (int)getpid());
	fd = file_lock(path, &e);
	assert_true(fd >= 0);
	assert_int_equal(file_lock(path, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.text, mine));
	close(fd);
	fd = file_lock(path, &e);
	assert_true(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/none/lock", f->dir);
	assert_int_equal(file_lock(path, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_has_a_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(creates_once_and_privately, setup, teardown),
		cmocka_unit_test_setup_teardown(log_rotates, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_like_a_config_map, setup, teardown),
		cmocka_unit_test_setup_teardown(deep_trees_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_sees_every_way_to_save, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_sees_new_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_sees_config_map_swap, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_survives_its_root, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_of_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(storms_are_bounded, setup, teardown),
	};

	return cmocka_run_group_tests_name("ev/file", tests, NULL, NULL);
}

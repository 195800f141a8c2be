/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/must.h"
#include "store/kube_auth.h"

struct fix {
	struct arena arena;
	char dir[64];
	struct kube_access access;
	struct err e;
};

static void start(struct fix *f)
{
	*f = (struct fix){0};
	log_set_level(LOG_LEVEL_NONE);
	arena_init(&f->arena, 0);
	strcpy(f->dir, "/tmp/navarch-kubeconfig-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
}

static void stop(struct fix *f)
{
	char cmd[128];

	arena_fini(&f->arena);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", f->dir);
	assert_int_equal(system(cmd), 0);
}

static const char *write_file(struct fix *f, const char *name, const char *text)
{
	const char *path = arena_printf(&f->arena, "%s/%s", f->dir, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	return path;
}

#define HEAD "apiVersion: v1\nkind: Config\ncurrent-context: one\n"
#define CONTEXT(name, cluster, user) "- {name: " name ", context: {cluster: " cluster ", user: " user ", namespace: ns-" name "}}\n"
#define CLUSTER(fields) "clusters:\n- {name: c, cluster: {server: 'https://api.example.com:6443/', " fields "}}\n"
#define USER(fields) "users:\n- {name: u, user: {" fields "}}\n"

static int parse(struct fix *f, const char *text)
{
	return kubeconfig_parse(text, strlen(text), "kc", "/etc/kc.d", NULL, &f->arena, &f->access, &f->e);
}

static void reads(void **state)
{
	static const char text[] = HEAD CLUSTER("certificate-authority-data: Q0E=, certificate-authority: no.pem, tls-server-name: kubernetes")
	    USER("token: abc, tokenFile: t/token") "contexts:\n" CONTEXT("one", "c", "u") "preferences: {}\n";
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(parse(&f, text), 0);
	assert_string_equal(f.access.server, "https://api.example.com:6443");
	assert_string_equal(f.access.server_name, "kubernetes");
	assert_string_equal(f.access.ca, "CA");
	assert_null(f.access.ca_file);
	assert_string_equal(f.access.token_file, "/etc/kc.d/t/token");
	assert_null(f.access.token);
	assert_string_equal(f.access.ns, "ns-one");
	assert_string_equal(f.access.context, "one");
	stop(&f);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "no current-context"},
		{HEAD, "no context one"},
		{HEAD "contexts:\n" CONTEXT("one", "c", "u"), "has no cluster"},
		{HEAD CLUSTER("insecure-skip-tls-verify: true") "contexts:\n" CONTEXT("one", "c", "u"), "is not obeyed"},
		{HEAD "clusters:\n- {name: c, cluster: {server: 'http://api.example.com'}}\ncontexts:\n" CONTEXT("one", "c", "u"), "is not https"},
		{HEAD "clusters:\n- {name: c, cluster: {server: 'http://127.0.0.1.example.com'}}\ncontexts:\n" CONTEXT("one", "c", "u"),
		 "is not https"},
		{HEAD "clusters:\n- {name: c, cluster: {server: 'https://u:p@h'}}\ncontexts:\n" CONTEXT("one", "c", "u"), "character"},
		{HEAD "clusters:\n- {name: c, cluster: {}}\ncontexts:\n" CONTEXT("one", "c", "u"), "no server"},
		{HEAD CLUSTER("certificate-authority-data: '%%'") "contexts:\n" CONTEXT("one", "c", "u"), "kc:5"},
		{HEAD CLUSTER("") USER("client-certificate-data: QQ==") "contexts:\n" CONTEXT("one", "c", "u"), "needs its key"},
		{HEAD CLUSTER("") USER("auth-provider: {name: gcp}") "contexts:\n" CONTEXT("one", "c", "u"), "auth-provider"},
		{HEAD CLUSTER("") USER("exec: {apiVersion: client.authentication.k8s.io/v1}") "contexts:\n" CONTEXT("one", "c", "u"), "no command"},
		{HEAD CLUSTER("") USER("exec: {apiVersion: v1, command: x}") "contexts:\n" CONTEXT("one", "c", "u"), "apiVersion"},
		{"a: [", "kc:"},
		{"a: 1\n---\nb: 1\n", "more than one document"},
		{"clusters: 7\n", "kc:1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fix f;

		start(&f);
		assert_int_equal(parse(&f, cases[i].text), -1);
		if (!strstr(f.e.text, cases[i].why))
			fail_msg("case %zu: %s", i, f.e.text);
		stop(&f);
	}
}

/* The first word on each name counts, and paths are of the file that says them. */
static void merges(void **state)
{
	const char *one, *two, *paths;
	struct fix f;

	(void)state;
	start(&f);
	one = write_file(&f, "one", "current-context: ''\nusers:\n- {name: u, user: {client-certificate: c.pem, client-key: k.pem}}\n");
	two = write_file(&f, "two", HEAD CLUSTER("") USER("token: later") "contexts:\n" CONTEXT("one", "c", "u") CONTEXT("two", "c", "nobody"));
	paths = arena_printf(&f.arena, "%s:/no/such/file::%s", one, two);
	assert_int_equal(kubeconfig_load(paths, NULL, &f.arena, &f.access, &f.e), 0);
	assert_string_equal(f.access.cert_file, arena_printf(&f.arena, "%s/c.pem", f.dir));
	assert_null(f.access.token);
	assert_int_equal(kubeconfig_load(paths, "two", &f.arena, &f.access, &f.e), 0);
	assert_null(f.access.cert_file);
	assert_string_equal(f.access.ns, "ns-two");
	assert_int_equal(kubeconfig_load(paths, "three", &f.arena, &f.access, &f.e), -1);
	assert_int_equal(kubeconfig_load("/no/such/file", NULL, &f.arena, &f.access, &f.e), -1);
	assert_int_equal(f.e.code, ERR_NOT_FOUND);
	stop(&f);
}

static void in_cluster(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(kubeconfig_in_cluster(NULL, NULL, f.dir, &f.arena, &f.access, &f.e), -1);
	assert_int_equal(f.e.code, ERR_NOT_FOUND);
	assert_int_equal(kubeconfig_in_cluster("fd00::1", "443", f.dir, &f.arena, &f.access, &f.e), 0);
	assert_string_equal(f.access.server, "https://[fd00::1]:443");
	assert_string_equal(f.access.token_file, arena_printf(&f.arena, "%s/token", f.dir));
	stop(&f);
}

/* Files are read for each request: what rotates counts at once, what is not whole does not. */
static void files_rotate(void **state)
{
	struct kube_credentials who;
	struct kube_auth *auth;
	struct loop *l;
	struct fix f;

	(void)state;
	start(&f);
	l = loop_new(&f.e);
	f.access.token_file = write_file(&f, "token", "first\n");
	f.access.ca_file = write_file(&f, "ca", "CA\n");
	auth = kube_auth_new(l, &f.access, NULL, NULL);
	assert_int_equal(kube_auth_fill(auth, &f.arena, &who, &f.e), KUBE_AUTH_READY);
	assert_string_equal(who.header, "Authorization: Bearer first");
	assert_string_equal(who.tls.ca, "CA");
	write_file(&f, "token", "second");
	assert_int_equal(kube_auth_fill(auth, &f.arena, &who, &f.e), KUBE_AUTH_READY);
	assert_string_equal(who.header, "Authorization: Bearer second");
	write_file(&f, "token", "");
	assert_int_equal(kube_auth_fill(auth, &f.arena, &who, &f.e), KUBE_AUTH_FAILED);
	write_file(&f, "token", "two\nX-Evil: yes");
	assert_int_equal(kube_auth_fill(auth, &f.arena, &who, &f.e), KUBE_AUTH_FAILED);
	kube_auth_free(auth);
	f.access = (struct kube_access){.user = "Aladdin", .password = "open sesame"};
	auth = kube_auth_new(l, &f.access, NULL, NULL);
	assert_int_equal(kube_auth_fill(auth, &f.arena, &who, &f.e), KUBE_AUTH_READY);
	assert_string_equal(who.header, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	kube_auth_free(auth);
	loop_free(l);
	stop(&f);
}

static void count_ready(void *arg)
{
	++*(int *)arg;
}

/* Turns until the program has answered. */
static enum kube_auth_state ask(struct fix *f, struct loop *l, struct kube_auth *auth, int *ready, struct kube_credentials *who)
{
	int before = *ready;
	enum kube_auth_state state = kube_auth_fill(auth, &f->arena, who, &f->e);

	if (state != KUBE_AUTH_WAITING)
		return state;
	while (*ready == before)
		loop_turn(l, 100);
	return kube_auth_fill(auth, &f->arena, who, &f->e);
}

static void program(void **state)
{
	static const char script[] = "#!/bin/sh\n"
		"case $KUBERNETES_EXEC_INFO in *'\"server\":\"https://api.example.com:6443\"'*) ;; *) exit 9;; esac\n"
		"echo run >> \"$RUNS\"\n"
		"printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"%s\","
		"\"expirationTimestamp\":\"%s\"}}' \"$1\" \"$WHEN\"\n";
	static const struct {
		const char *word, *when;
		enum kube_auth_state state;
		const char *why;
	} cases[] = {
		{"tok", "2999-01-01T00:00:00Z", KUBE_AUTH_READY, NULL},
		{"tok", "2001-01-01T00:00:00Z", KUBE_AUTH_FAILED, "just now"},	/* has ended when it comes */
		{"", "not a time", KUBE_AUTH_FAILED, "prints no ExecCredential"},
		{"x\\\"} garbage", "", KUBE_AUTH_FAILED, "prints no ExecCredential"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *path, *text;
		struct kube_credentials who;
		struct kube_auth *auth;
		struct loop *l;
		struct fix f;
		int ready = 0;

		start(&f);
		l = loop_new(&f.e);
		path = write_file(&f, "give", script);
		assert_int_equal(chmod(path, 0755), 0);
		text = arena_printf(&f.arena, HEAD CLUSTER("") "users:\n- name: u\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n"
				    "      command: ./give\n      args: ['%s']\n      provideClusterInfo: true\n      env: [{name: RUNS, value: %s/runs}, "
				    "{name: WHEN, value: '%s'}]\n" "contexts:\n" CONTEXT("one", "c", "u"), cases[i].word, f.dir, cases[i].when);
		assert_int_equal(kubeconfig_parse(text, strlen(text), "kc", f.dir, NULL, &f.arena, &f.access, &f.e), 0);
		auth = kube_auth_new(l, &f.access, count_ready, &ready);
		if (ask(&f, l, auth, &ready, &who) != cases[i].state)
			fail_msg("case %zu: %s", i, f.e.text);
		if (cases[i].why) {
			assert_non_null(strstr(f.e.text, cases[i].why));
		} else {
			assert_string_equal(who.header, "Authorization: Bearer tok");
			assert_int_equal(ask(&f, l, auth, &ready, &who), KUBE_AUTH_READY);
			assert_int_equal(ready, 1);	/* asked once */
			kube_auth_refused(auth);
			assert_int_equal(ask(&f, l, auth, &ready, &who), KUBE_AUTH_FAILED);	/* and not again at once */
		}
		kube_auth_free(auth);
		loop_free(l);
		stop(&f);
	}
}

/* A program that is not there, that hangs (and is left), that fails. */
static void bad_programs(void **state)
{
	static const char *const lines[] = {"command: /no/such/program", "command: sh\n      args: [-c, 'exit 3']",
					    "command: sh\n      args: [-c, 'kill -9 $$']", "command: sleep\n      args: ['100']"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct kube_credentials who;
		struct kube_auth *auth;
		const char *text;
		struct loop *l;
		struct fix f;
		int ready = 0;

		start(&f);
		l = loop_new(&f.e);
		text = arena_printf(&f.arena, HEAD CLUSTER("") "users:\n- name: u\n  user:\n    exec:\n      apiVersion: "
				    "client.authentication.k8s.io/v1beta1\n      %s\n" "contexts:\n" CONTEXT("one", "c", "u"), lines[i]);
		assert_int_equal(parse(&f, text), 0);
		auth = kube_auth_new(l, &f.access, count_ready, &ready);
		if (i < 3)
			assert_int_equal(ask(&f, l, auth, &ready, &who), KUBE_AUTH_FAILED);
		else
			assert_int_equal(kube_auth_fill(auth, &f.arena, &who, &f.e), KUBE_AUTH_WAITING);
		kube_auth_free(auth);
		loop_free(l);
		stop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(merges), cmocka_unit_test(in_cluster),
		cmocka_unit_test(files_rotate), cmocka_unit_test(program), cmocka_unit_test(bad_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden runner. struct golden_case: one folder of test/golden, read and decoded. struct live:
 * one generation of it as the daemon holds it (snapshot, and a bundle for each proxy).
 * Thread: one.
 */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

#include "mesh/proxy.h"
#include "store/store.h"
#include "xds/res.h"

struct golden_proxy {
	const char *name;
	struct proxy proxy;
	bool shown[XDS_TYPES];
	struct strs show[XDS_TYPES];	/* names; '*' stands for any text */
};

struct golden_case {
	const char *name;		/* "area/case" */
	enum schema_mode mode;		/* as the daemon reads; strict-*: as the command line does */
	struct arena arena;
	struct diags diags;		/* of everything up to the store */
	struct store *store;
	struct object **objs;		/* in force; the store's */
	size_t n_objs;
	const struct mesh_settings *settings;	/* the store's */
	bool has_mesh;			/* there is a mesh.yaml */
	const char *revision;		/* of revision.txt, or NULL */
	struct golden_proxy *proxies;
	size_t n_proxies;
};

/* Reads the case in the working directory. 0, or -1 with what is wrong with the case itself. */
int golden_open(struct golden_case *c, const char *name, struct err *e);
void golden_close(struct golden_case *c);

struct live {
	struct snapshot *snap;		/* NULL: nothing yet */
	struct bundle **bundles;	/* one a proxy */
};

/* The generation of these objects after prev (or NULL), which stays. Fails when something that was
 * compiled is broken. */
int live_build(const struct golden_case *c, struct res_table *t, const struct live *prev,
	       const struct mesh_settings *settings, struct object *const *objs, size_t n,
	       struct live *out, struct err *e);
void live_fini(const struct golden_case *c, struct res_table *t, struct live *l);
/* 0 when both hold the same resources, bytes, verdicts and statuses. */
int live_compare(const struct golden_case *c, const struct live *got, const struct live *want, struct err *e);
/* One line a verdict: "Kind ns/name State codes". */
void live_verdicts(const struct live *l, struct buf *out);
/* What statuses of the Gateway API would say, as if their Services were there. */
void live_statuses(const struct live *l, struct buf *out);

/* P5 and O1: every history that ends in the objects of the case gives what `want` holds, and on the
 * way what a compile from nothing gives. */
int replay(const struct golden_case *c, struct res_table *t, const struct live *want, struct err *e);

/* What a proxy is shown, as JSON. */
int golden_print(const struct golden_proxy *p, const struct bundle *b, struct buf *out, struct err *e);
/* Everything, secrets whole: for real Envoy. */
int golden_print_all(const struct bundle *b, struct buf *out, struct err *e);
/* JSON -> wire -> the same bytes, for every resource. */
int golden_round_trip(const struct bundle *b, struct err *e);

enum { GOLDEN_TEXT_MAX = 64 * 1024 * 1024 };

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an AdmissionReview: answered or not, the answer is one JSON value within its bounds, and
 * refuses if and only if there are errors; asked twice it is the same.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "node/node.h"
#include "server/admission.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct buf *answer, const struct admission_result *r, struct arena *a)
{
	const struct node *response;
	struct node_doc doc;
	struct diags ds;

	must(!answer->failed && scalar_is_utf8(answer->p, answer->n));
	diags_init(&ds, a);
	doc = node_parse_json(answer->p, answer->n, NULL, a, &ds);
	must(!doc.bad);
	response = node_get(doc.root, "response");
	must(node_text(response, "uid") && *node_text(response, "uid"));
	must(node_get(response, "allowed")->boolean == r->allowed);
	must(r->allowed == !r->n_errors && r->allowed == !r->first && r->allowed == !node_get(response, "status"));
	must(r->kind >= 0 || r->allowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct admission_result r, again;
	struct buf answer, second;
	struct arena a;
	struct err e;

	arena_init(&a, 0);
	buf_init(&answer, ADMISSION_ANSWER_MAX);
	buf_init(&second, ADMISSION_ANSWER_MAX);
	if (!admission_review((const char *)data, size, &answer, &r, &a, &e)) {
		check(&answer, &r, &a);
		must(!admission_review((const char *)data, size, &second, &again, &a, &e));
		must(answer.n == second.n && !memcmp(answer.p, second.p, answer.n));
	} else {
		must(e.code == ERR_SYNTAX && !answer.n);
	}
	buf_fini(&answer);
	buf_fini(&second);
	arena_fini(&a);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ev/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/must.h"
#include "base/vec.h"
#include "ev/loop_int.h"

enum { SIGNALS_MAX = 8 };

struct loop_poll {
	uv_poll_t uv;
	struct loop_io *io;	/* NULL once stopped */
	int events;
};

struct loop_signal {
	uv_signal_t uv;
	loop_fn *fn;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_timer_t timer;	/* runs for the first of the heap */
	uv_timer_t patience;	/* bounds loop_turn */
	uv_check_t check;	/* after I/O: the tasks */
	uv_prepare_t prepare;	/* before waiting */
	uv_idle_t idle;		/* runs while tasks are kicked, so that the loop does not wait */
	VEC(struct loop_timer *) heap;
	uint64_t seq;
	bool firing, due;	/* due: a timer is, in the next turn, and uv's is not started before */
	struct loop_task *kicked[LOOP_PHASES];
	struct loop_signal *signals[SIGNALS_MAX];
	size_t n_signals;
	struct loop_stats stats;
	uint64_t turn_began_ns;
};

static void *check_alloc(size_t size)
{
	void *p = calloc(1, size);

	must(p && "out of memory");
	return p;
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

int64_t loop_now_ms(const struct loop *l)
{
	return (int64_t)uv_now(&l->uv);
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	must(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t loop_clock_ns(const struct loop *l)
{
	(void)l;
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t loop_wall_ns(const struct loop *l)
{
	(void)l;
	return clock_ns(CLOCK_REALTIME);
}

int loop_random(struct loop *l, void *p, size_t n)
{
	char *at = p;

	(void)l;
	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

/* Timers: a binary heap by time, then by order of start. */

static bool timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void heap_put(struct loop *l, size_t slot, struct loop_timer *t)
{
	l->heap.v[slot - 1] = t;
	t->slot = slot;
}

static void heap_up(struct loop *l, struct loop_timer *t)
{
	size_t slot = t->slot;

	for (; slot > 1 && timer_before(t, l->heap.v[slot / 2 - 1]); slot /= 2)
		heap_put(l, slot, l->heap.v[slot / 2 - 1]);
	heap_put(l, slot, t);
}

static void heap_down(struct loop *l, struct loop_timer *t)
{
	size_t slot = t->slot, n = l->heap.n;

	for (;;) {
		size_t child = slot * 2;

		if (child > n)
			break;
		if (child < n && timer_before(l->heap.v[child], l->heap.v[child - 1]))
			child++;
		if (!timer_before(l->heap.v[child - 1], t))
			break;
		heap_put(l, slot, l->heap.v[child - 1]);
		slot = child;
	}
	heap_put(l, slot, t);
}

static void timers_fire(uv_timer_t *uv);
static void on_idle(uv_idle_t *uv);

static void timers_arm(struct loop *l)
{
	int64_t delay;

	if (l->firing)
		return;
	if (!l->heap.n) {
		uv_timer_stop(&l->timer);
		return;
	}
	delay = l->heap.v[0]->at_ms - loop_now_ms(l);
	uv_timer_start(&l->timer, timers_fire, delay > 0 ? (uint64_t)delay : 0, 0);
}

static void timer_remove(struct loop *l, struct loop_timer *t)
{
	struct loop_timer *last = l->heap.v[--l->heap.n];

	if (last != t) {
		heap_put(l, t->slot, last);
		heap_up(l, last);
		heap_down(l, last);
	}
	t->slot = 0;
}

/* Timers that are started meanwhile, with no delay, wait for the next turn. */
static void timers_fire(uv_timer_t *uv)
{
	struct loop *l = uv->data;
	uint64_t until = l->seq;

	l->firing = true;
	while (l->heap.n) {
		struct loop_timer *t = l->heap.v[0];

		if (t->at_ms > loop_now_ms(l) || t->seq >= until)
			break;
		timer_remove(l, t);
		t->fn(t->arg);
	}
	l->firing = false;
	/* uv would fire a timer without delay that is started here again, before anything else */
	l->due = l->heap.n && l->heap.v[0]->at_ms <= loop_now_ms(l);
	if (l->due)
		uv_idle_start(&l->idle, on_idle);
	else
		timers_arm(l);
}

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, loop_fn *fn, void *arg)
{
	must(delay_ms >= 0);
	if (t->slot)
		timer_remove(l, t);
	t->fn = fn;
	t->arg = arg;
	t->at_ms = loop_now_ms(l) + delay_ms;
	t->seq = l->seq++;
	*vec_push(&l->heap, NULL) = t;
	t->slot = l->heap.n;
	heap_up(l, t);
	if (t->slot == 1)
		timers_arm(l);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	bool first = t->slot == 1;

	if (!t->slot)
		return;
	timer_remove(l, t);
	if (first)
		timers_arm(l);
}

/* Descriptors */

static void free_handle(uv_handle_t *h)
{
	free(h->data);
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
	struct loop_poll *p = uv->data;
	int out = 0;

	if (!p->io)
		return;
	if (status < 0) {
		out = p->events;
	} else {
		if (events & UV_READABLE)
			out |= LOOP_READ;
		if (events & UV_WRITABLE)
			out |= LOOP_WRITE;
		if (events & UV_DISCONNECT)
			out |= LOOP_HANGUP;
	}
	p->io->fn(p->io->arg, out);
}

int loop_io_start(struct loop *l, struct loop_io *io, int fd, int events, loop_io_fn *fn, void *arg)
{
	struct loop_poll *p = io->poll;
	int uv_events = (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0) |
			(events & LOOP_HANGUP ? UV_DISCONNECT : 0);

	io->fn = fn;
	io->arg = arg;
	if (!p) {
		p = check_alloc(sizeof(*p));
		if (uv_poll_init(&l->uv, &p->uv, fd)) {
			free(p);
			return -1;
		}
		p->uv.data = p;
		p->io = io;
		io->poll = p;
	} else if (p->events == events) {
		return 0;
	}
	p->events = events;
	if (!(events ? uv_poll_start(&p->uv, uv_events, on_poll) : uv_poll_stop(&p->uv)))
		return 0;
	loop_io_stop(io);
	return -1;
}

void loop_io_stop(struct loop_io *io)
{
	struct loop_poll *p = io->poll;

	if (!p)
		return;
	p->io = NULL;
	io->poll = NULL;
	uv_close((uv_handle_t *)&p->uv, free_handle);
}

/* Signals */

static void on_signal(uv_signal_t *uv, int signum)
{
	struct loop_signal *s = uv->data;

	(void)signum;
	s->fn(s->arg);
}

int loop_signal(struct loop *l, int signum, loop_fn *fn, void *arg, struct err *e)
{
	struct loop_signal *s;
	int rc;

	must(l->n_signals < SIGNALS_MAX);
	s = check_alloc(sizeof(*s));
	s->fn = fn;
	s->arg = arg;
	must(uv_signal_init(&l->uv, &s->uv) == 0);
	s->uv.data = s;
	l->signals[l->n_signals++] = s;
	rc = uv_signal_start(&s->uv, on_signal, signum);
	if (rc)
		return err_set(e, ERR_IO, "cannot watch signal %d: %s", signum, uv_strerror(rc));
	return 0;
}

/* Tasks */

static bool any_kicked(const struct loop *l)
{
	for (int i = 0; i < LOOP_PHASES; i++)
		if (l->kicked[i])
			return true;
	return false;
}

static void on_idle(uv_idle_t *uv)
{
	(void)uv;
}

static void task_push(struct loop_task **head, struct loop_task *t)
{
	t->next = *head;
	t->at = head;
	if (t->next)
		t->next->at = &t->next;
	*head = t;
}

void loop_task_kick(struct loop *l, struct loop_task *t)
{
	if (t->at)
		return;
	task_push(&l->kicked[t->phase], t);
	if (!uv_is_active((uv_handle_t *)&l->idle))
		uv_idle_start(&l->idle, on_idle);
}

void loop_task_stop(struct loop_task *t)
{
	if (!t->at)
		return;
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->next = NULL;
	t->at = NULL;
}

static void run_phase(struct loop *l, enum loop_phase phase)
{
	struct loop_task *t, *list = NULL;
	uint64_t began;

	if (!l->kicked[phase])
		return;
	began = uv_hrtime();
	while ((t = l->kicked[phase])) {	/* first in, first out */
		loop_task_stop(t);
		task_push(&list, t);
	}
	while ((t = list)) {
		loop_task_stop(t);
		t->fn(t->arg);
	}
	l->stats.phase_ns[phase] += uv_hrtime() - began;
}

static void on_check(uv_check_t *uv)
{
	struct loop *l = uv->data;

	for (int i = 0; i < LOOP_PHASES; i++)
		run_phase(l, (enum loop_phase)i);
	if (!any_kicked(l))
		uv_idle_stop(&l->idle);
	if (l->due)
		timers_arm(l);
	l->due = false;
	l->stats.turns++;
}

static void on_prepare(uv_prepare_t *uv)
{
	struct loop *l = uv->data;
	uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(&l->uv), took;

	took = now - l->turn_began_ns - idle;
	if (l->turn_began_ns && took > l->stats.longest_turn_ns)
		l->stats.longest_turn_ns = took;
	l->turn_began_ns = now - idle;
}

/* The loop itself */

struct loop *loop_new(struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));
	int rc;

	if (!l) {
		err_set(e, ERR_NO_MEMORY, "out of memory");
		return NULL;
	}
	rc = uv_loop_init(&l->uv);
	if (rc) {
		err_set(e, ERR_IO, "cannot start an event loop: %s", uv_strerror(rc));
		free(l);
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN);
	uv_loop_configure(&l->uv, UV_METRICS_IDLE_TIME);
	uv_timer_init(&l->uv, &l->timer);
	uv_timer_init(&l->uv, &l->patience);
	uv_check_init(&l->uv, &l->check);
	uv_prepare_init(&l->uv, &l->prepare);
	uv_idle_init(&l->uv, &l->idle);
	l->timer.data = l->check.data = l->prepare.data = l;
	uv_check_start(&l->check, on_check);
	uv_prepare_start(&l->prepare, on_prepare);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	must(!l->heap.n && "a timer still runs");
	must(!any_kicked(l) && "a task is still kicked");
	uv_close((uv_handle_t *)&l->timer, NULL);
	uv_close((uv_handle_t *)&l->patience, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->idle, NULL);
	for (size_t i = 0; i < l->n_signals; i++)
		uv_close((uv_handle_t *)&l->signals[i]->uv, free_handle);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	must(uv_loop_close(&l->uv) == 0 && "a descriptor is still watched");
	vec_fini(&l->heap);
	free(l);
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static void on_patience(uv_timer_t *uv)
{
	(void)uv;
}

void loop_turn(struct loop *l, int64_t max_ms)
{
	if (max_ms > 0) {
		uv_update_time(&l->uv);
		uv_timer_start(&l->patience, on_patience, (uint64_t)max_ms, 0);
	}
	uv_run(&l->uv, max_ms > 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	uv_timer_stop(&l->patience);
}

const struct loop_stats *loop_stats(const struct loop *l)
{
	return &l->stats;
}

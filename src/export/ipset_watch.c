/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/ipset.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"

/*
 * The kernel's ipset sends no events. So while there are leases, every 3 ms some elements are asked for, in turn;
 * only those that are missing cost an answer. A flush, a swap or the set's end shows at the first look, one
 * element that was taken out when its turn comes: at once where we hold no more than LOOK, else after as many looks as
 * that is LOOKs.
 */
#define LOOK 64
#define STEPS 1024			/* entries that are passed on the way to them */
/* Of others' elements in a large set only every so many is asked for in a round, so that ours have their turn soon. */
#define FOREIGN_EACH 16
#define LOOK_US (3 * CLOCK_MS)
#define PARTS 4				/* of a dump a turn, each some hundred elements */

static bool any(const struct sink *s)
{
	for (const struct ipset_set *is = s->sets; is; is = is->next)
		if (is->set->present && is->keep.used)
			return true;
	return false;
}

void ipset_watch_arm(struct sink *s, bool at_once)
{
	uint64_t now = loop_now(s->loop).mono_us;

	if (at_once)
		timer_set(loop_timers(s->loop), &s->tick, now);
	else if (any(s) && !s->tick.set)
		timer_set(loop_timers(s->loop), &s->tick, now + LOOK_US);
}

void ipset_know(struct sink *s, struct ipset_set *is, const uint8_t *key, uint64_t ms, uint32_t mark)
{
	struct keep_entry *e = keep_put(&is->keep, key);

	/* Without memory it is not watched: a flush still shows by the others. */
	if (!e)
		return;
	e->end_us = ms == SINK_EVER ? UINT64_MAX : loop_now(s->loop).mono_us + ms * CLOCK_MS;
	e->mark = mark | (s->dumping == is ? IPSET_FRESH : 0);
}

void ipset_unknow(struct sink *s, struct ipset_set *is, const uint8_t *key)
{
	struct keep_entry *e = s->dumping == is ? keep_put(&is->keep, key) : keep_find(&is->keep, key);

	if (!e)
		return;
	if (s->dumping != is) {
		keep_drop(&is->keep, e);
		return;
	}
	e->mark = IPSET_GONE;
	e->end_us = UINT64_MAX;
}

static void gone(struct sink *s, struct ipset_set *is)
{
	ipset_dump_forget(s, is);
	keep_free(&is->keep);
	is->set->present = false;
	s->ev->emptied(s->ctx, is->set, true, "");
}

/* Is it the set still that it was? If not, it is gone. */
static bool stands(struct sink *s, struct ipset_set *is, struct ipset_header *h)
{
	char why[512];
	int err = ipset_header(s, is->name, h);

	if (!err && (ipset_fit(is->set, h, why, sizeof(why)) || strcmp(h->type, is->type->name))) {
		log_error("ipset %s: was made anew, as %s", is->name, h->type);
		err = -EINVAL;
	}
	if (err)
		gone(s, is);
	return !err;
}

/* All that was asked for is missing: what has become of the set? */
static void examine(struct sink *s, struct ipset_set *is, uint8_t (*keys)[SHAPE_KEY_MAX], size_t n)
{
	struct ipset_header h;

	if (!stands(s, is, &h))
		return;
	is->comment = h.comment;
	if (!h.elements) {
		keep_free(&is->keep);
		s->ev->emptied(s->ctx, is->set, false, "");
		return;
	}
	for (size_t i = 0; i < n; i++)
		s->ev->removed(s->ctx, is->set, keys[i]);
	/* More may be missing: another set may stand in its place (swap). */
	log_info("events of the firewall were lost: its sets are compared");
	s->ev->overrun(s->ctx, s);
}

/* Takes the next elements for a look into s->out; gives how many. */
static size_t choose(struct sink *s, struct ipset_set *is, uint8_t (*keys)[SHAPE_KEY_MAX], size_t *len)
{
	uint64_t now = loop_now(s->loop).mono_us;
	size_t n = 0;

	*len = 0;
	for (size_t seen = 0; seen < is->keep.n && seen < STEPS && n < LOOK; seen++) {
		struct keep_entry *e;
		struct nlmsghdr *h;

		if (is->cursor >= is->keep.n) {
			is->cursor = 0;
			is->round++;
		}
		e = &is->keep.v[is->cursor++];
		if (e->used && e->end_us <= now)
			keep_drop(&is->keep, e);
		if (!e->used || e->mark & IPSET_GONE)
			continue;
		if (e->mark & IPSET_FOREIGN && is->keep.used > LOOK && (is->cursor + is->round) % FOREIGN_EACH)
			continue;
		h = ipset_msg(s->out + *len, IPSET_CMD_TEST, 0, s->seq + 1 + (uint32_t)n, is->name);
		ipset_msg_element(h, is->type, &is->set->shape, e->key, 0, NULL, NULL);
		*len += MNL_ALIGN(h->nlmsg_len);
		memcpy(keys[n++], e->key, is->keep.key_len);
	}
	return n;
}

static void look_into(struct sink *s, struct ipset_set *is)
{
	uint8_t keys[LOOK][SHAPE_KEY_MAX];
	size_t len, n = choose(s, is, keys, &len), lost = 0;
	int errs[LOOK];

	if (!n)
		return;
	ipset_batch(s, len, s->seq + 1, n, 0, errs);
	s->seq += (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		struct keep_entry *e = errs[i] ? keep_find(&is->keep, keys[i]) : NULL;

		if (errs[i] && errs[i] != -EEXIST && errs[i] != -ENOENT && errs[i] != -EINVAL)
			continue;
		if (!e)
			continue;
		keep_drop(&is->keep, e);
		memmove(keys[lost++], keys[i], sizeof(keys[0]));
	}
	if (lost && lost == n) {
		examine(s, is, keys, lost);
		return;
	}
	for (size_t i = 0; i < lost; i++)
		s->ev->removed(s->ctx, is->set, keys[i]);
}

void ipset_look(struct sink *s)
{
	if (s->looking)
		return;
	s->looking = true;
	s->ticked_us = loop_now(s->loop).mono_us;
	for (struct ipset_set *is = s->sets, *next; is; is = next) {
		next = is->next;
		if (is->set->present)
			look_into(s, is);
	}
	s->looking = false;
	ipset_watch_arm(s, false);
}

/* Before a batch is planned; the clock's own looks are close enough for the rest. */
void ipset_poll(struct sink *s)
{
	if (any(s) && loop_now(s->loop).mono_us - s->ticked_us >= CLOCK_MS)
		ipset_look(s);
}

static void tick(struct timer *t)
{
	struct sink *s = container_of(t, struct sink, tick);

	/* Of a set without elements that we know of only an operation's failure tells. */
	for (struct ipset_set *is = s->sets, *next; is; is = next) {
		struct ipset_header h;
		int fit = is->fit;

		next = is->next;
		is->fit = 0;
		if (is->set->present && fit)
			stands(s, is, &h);
	}
	ipset_look(s);
}

/* Dumps: on a socket of their own, so that operations go on between their parts. */

static int dump_start(struct sink *s, struct ipset_set *is)
{
	uint8_t buf[IPSET_MSG_ROOM];
	struct nlmsghdr *h = ipset_msg(buf, IPSET_CMD_LIST, NLM_F_ACK | NLM_F_DUMP, ++s->dump_seq, is->name);

	is->wants_dump = false;
	if (mnl_socket_sendto(s->dump_nl, h, h->nlmsg_len) < 0)
		return -errno;
	s->dumping = is;
	s->dump_on = true;
	return 0;
}

int ipset_dump(struct sink *s, struct ipset_set *is)
{
	if (!s->dump_watch)
		return -ENOMEM;
	if (!s->dump_on)
		return dump_start(s, is);
	is->wants_dump = true;
	return 0;
}

void ipset_dump_forget(struct sink *s, struct ipset_set *is)
{
	is->wants_dump = false;
	if (s->dumping == is)
		s->dumping = NULL;
}

/* What was written while the dump went on is told as it was written, whatever the dump saw. */
static void settle(struct sink *s, struct ipset_set *is)
{
	uint64_t now = loop_now(s->loop).mono_us;

	for (size_t i = 0; i < is->keep.n && s->dumping == is; i++) {
		struct keep_entry *e = &is->keep.v[i];
		struct ipset_element el = { 0 };
		struct sink_element out;

		if (!e->used || !(e->mark & (IPSET_FRESH | IPSET_GONE)))
			continue;
		if (e->mark & IPSET_GONE || e->end_us <= now) {
			keep_drop(&is->keep, e);
			continue;
		}
		e->mark &= ~(uint32_t)IPSET_FRESH;
		memcpy(el.key, e->key, is->keep.key_len);
		el.left_ms = e->end_us == UINT64_MAX ? SINK_EVER : (e->end_us - now) / CLOCK_MS;
		ipset_tell(&el, !(e->mark & IPSET_FOREIGN), &out);
		s->ev->element(s->ctx, is->set, &out);
	}
}

static void dump_end(struct sink *s, int err)
{
	struct ipset_set *is = s->dumping;

	s->dump_on = false;
	if (is) {
		settle(s, is);
		s->dumping = NULL;
		if (err == -ENOENT)
			gone(s, is);
		else
			s->ev->dumped(s->ctx, is->set, err);
	}
	for (is = s->sets; is && !s->dump_on; is = is->next)
		if (is->wants_dump && is->set->present && dump_start(s, is))
			s->ev->dumped(s->ctx, is->set, -EIO);
	ipset_watch_arm(s, false);
}

static void dumped(void *ctx, const struct ipset_element *e)
{
	struct sink *s = ctx;
	struct ipset_set *is = s->dumping;
	struct keep_entry *k = is ? keep_find(&is->keep, e->key) : NULL;
	struct sink_element out;
	bool ours;

	if (!is || (k && k->mark & (IPSET_FRESH | IPSET_GONE)))
		return;
	ours = ipset_ours(is, e);
	ipset_know(s, is, e->key, e->left_ms, ours ? 0 : IPSET_FOREIGN);
	/* Told by the dump itself: not anew at its end. */
	k = keep_find(&is->keep, e->key);
	if (k)
		k->mark &= ~(uint32_t)IPSET_FRESH;
	ipset_tell(e, ours, &out);
	s->ev->element(s->ctx, is->set, &out);
}

static int on_dump(const struct nlmsghdr *h, void *ctx)
{
	struct sink *s = ctx;

	if (s->dumping)
		ipset_read_elements(h, s->dumping->type, &s->dumping->set->shape, dumped, s);
	return MNL_CB_OK;
}

static void dump_ready(void *ctx, int events)
{
	struct sink *s = ctx;

	for (int i = 0; i < PARTS && s->dump_on; i++) {
		ssize_t n = mnl_socket_recvfrom(s->dump_nl, s->part, sizeof(s->part));
		int r = -1;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n >= 0)
			r = mnl_cb_run(s->part, (size_t)n, s->dump_seq, mnl_socket_get_portid(s->dump_nl), on_dump, s);
		if (r <= 0)
			dump_end(s, r ? ipset_errno(errno ? -errno : -EIO) : 0);
	}
}

void ipset_watch_init(struct sink *s)
{
	s->tick.fire = tick;
	s->dump_watch = watch_fd(s->loop, mnl_socket_get_fd(s->dump_nl), WATCH_READ, dump_ready, s);
}

void ipset_watch_close(struct sink *s)
{
	timer_cancel(loop_timers(s->loop), &s->tick);
	watch_close(s->dump_watch);
}

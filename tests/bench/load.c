/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The load: asks one server over UDP from several ports, keeps a window of questions outstanding, checks what comes
 * back and says in one JSON line how it went. It always ends by itself: --seconds bounds the asking, --timeout the
 * waiting.
 *
 * It never sleeps: were it woken by every answer, the server would pay for the wake-ups, which a client on another
 * machine does not ask of it. With nothing to do it yields, for the upstream on the same core.
 */
#include "questions.h"

#include <getopt.h>
#include <sched.h>

/* Of the id: which question. The rest counts up, so that a late answer does not pass for that of the next. */
#define SLOT_BITS 10
#define SLOTS_MAX (1u << SLOT_BITS)
#define PORTS_MAX 64
#define REPLY_MAX 1232
#define EXPIRE_EVERY 10000000u /* ns */

/* Log-linear: 32 steps for each power of two, hence 3 % at worst. */
#define STEP_BITS 5
#define STEPS (64u << STEP_BITS)

struct flight {
	struct query query;
	uint64_t since; /* 0: free */
	uint8_t turn;
};

struct port {
	int fd;
	unsigned free_count;
	uint16_t free[SLOTS_MAX];
	struct flight *flights;
};

struct load {
	struct sockaddr_in server;
	struct questions questions;
	struct port ports[PORTS_MAX];
	unsigned port_count, slots;
	uint64_t count, rate, duration, timeout; /* rate 0: as fast as the window goes; times in ns */
	unsigned rcode, ancount;

	uint64_t start, last, next_expiry;
	uint64_t schedule; /* when the first question was due, for a rate */
	uint64_t sent, answers, lost, wrong, stray, slowest;
	unsigned flying;
	bool blocked; /* a question was due and no slot free */
	uint64_t steps[STEPS];
};

static struct load load = { .port_count = 4, .slots = 192, .count = UINT64_MAX, .duration = 1000000000,
			    .timeout = 1000000000, .questions.type = 1 };

static unsigned step_of(uint64_t ns)
{
	unsigned top;

	if (ns < 1u << STEP_BITS)
		return (unsigned)ns;
	top = 63u - (unsigned)__builtin_clzll(ns);
	return (top - STEP_BITS + 1) << STEP_BITS | (unsigned)(ns >> (top - STEP_BITS) & ((1u << STEP_BITS) - 1));
}

/* The middle of a step, in µs. */
static double step_middle(unsigned step)
{
	unsigned shift = step >> STEP_BITS;
	double low = step & ((1u << STEP_BITS) - 1);

	if (!shift)
		return low / 1000;
	return ((1u << STEP_BITS) + low + 0.5) * (double)(1ull << (shift - 1)) / 1000;
}

static double percentile(const struct load *l, double share)
{
	uint64_t seen = 0;
	double wanted = share * (double)l->answers;

	for (unsigned i = 0; i < STEPS; i++) {
		seen += l->steps[i];
		if (seen && (double)seen >= wanted)
			return step_middle(i);
	}
	return 0;
}

static void port_open(const struct load *l, struct port *p)
{
	p->fd = bench_socket();
	if (connect(p->fd, (const struct sockaddr *)&l->server, sizeof(l->server)) < 0)
		bench_die("connect: %s", strerror(errno));
	p->flights = calloc(l->slots, sizeof(*p->flights));
	if (!p->flights)
		bench_die("out of memory");
	for (unsigned i = 0; i < l->slots; i++)
		p->free[p->free_count++] = (uint16_t)i;
}

static void release(struct load *l, struct port *p, struct flight *f)
{
	f->since = 0;
	p->free[p->free_count++] = (uint16_t)(f - p->flights);
	l->flying--;
}

/* Takes a slot and fills it. Returns its number. */
static unsigned launch(struct load *l, struct port *p, uint64_t since)
{
	unsigned slot = p->free[--p->free_count];
	struct flight *f = &p->flights[slot];
	unsigned id = (unsigned)++f->turn << SLOT_BITS | slot;

	questions_next(&l->questions, &f->query);
	f->query.packet[0] = (uint8_t)(id >> 8);
	f->query.packet[1] = (uint8_t)id;
	f->since = since;
	l->flying++;
	return slot;
}

/* Questions that may be sent now. */
static uint64_t budget(const struct load *l, uint64_t now)
{
	uint64_t left = l->count - l->sent, due;

	if (!l->rate)
		return left;
	due = (uint64_t)((double)(now - l->schedule) * (double)l->rate / 1e9) + 1 - l->sent;
	return due < left ? due : left;
}

/* When the next question is due, at a given rate. */
static uint64_t due_time(const struct load *l)
{
	return l->schedule + (uint64_t)((double)l->sent * 1e9 / (double)l->rate);
}

/*
 * At a given rate the wait for a free slot is the server's doing and counts as latency. Being late ourselves is not:
 * then the schedule moves, as a burst to catch up would measure what this machine does to us.
 */
static void keep_schedule(struct load *l, uint64_t now)
{
	if (!l->rate)
		return;
	l->blocked = l->flying == l->slots * l->port_count;
	if (!l->blocked && budget(l, now) > BENCH_BATCH)
		l->schedule += now - due_time(l);
}

static unsigned ask(struct load *l, struct port *p, uint64_t now)
{
	static struct mmsghdr messages[BENCH_BATCH];
	static struct iovec vectors[BENCH_BATCH];
	uint64_t most = budget(l, now);
	unsigned n = 0;

	/* Small batches would cost the load more than the server, and the server must be the one that is busy. */
	if (!l->rate && p->free_count < l->slots / 4)
		return 0;
	while (n < most && n < BENCH_BATCH && p->free_count) {
		struct query *q = &p->flights[launch(l, p, l->blocked ? due_time(l) : now)].query;

		vectors[n] = (struct iovec){ q->packet, q->length };
		messages[n] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vectors[n], .msg_iovlen = 1 } };
		l->sent++;
		n++;
	}
	/* What did not go out, for want of a listener, is lost with all else that gets no answer. */
	return n ? bench_send(p->fd, messages, n) : 0;
}

static bool is_right(const struct load *l, const struct query *q, const uint8_t *reply, size_t length)
{
	size_t question = q->length - QUESTION_OPT;

	return length >= question && (reply[2] & 0x82) == 0x80 && (reply[3] & 0x0f) == l->rcode && !reply[4] &&
	       reply[5] == 1 && (unsigned)(reply[6] << 8 | reply[7]) >= l->ancount &&
	       !memcmp(reply + QUESTION_HEADER, q->packet + QUESTION_HEADER, question - QUESTION_HEADER);
}

static void take(struct load *l, struct port *p, const uint8_t *reply, size_t length, uint64_t now)
{
	unsigned slot = length < QUESTION_HEADER ? SLOTS_MAX : (reply[0] << 8 | reply[1]) & (SLOTS_MAX - 1);
	struct flight *f = slot < l->slots ? &p->flights[slot] : NULL;
	uint64_t took;

	if (!f || !f->since || memcmp(reply, f->query.packet, 2)) {
		l->stray++;
		return;
	}
	if (is_right(l, &f->query, reply, length)) {
		l->answers++;
		took = now > f->since ? now - f->since : 0;
		l->steps[step_of(took)]++;
		if (took > l->slowest)
			l->slowest = took;
	} else {
		l->wrong++;
	}
	l->last = now;
	release(l, p, f);
}

static unsigned hear(struct load *l, struct port *p)
{
	static struct mmsghdr messages[BENCH_BATCH];
	static struct iovec vectors[BENCH_BATCH];
	static uint8_t replies[BENCH_BATCH][REPLY_MAX];
	uint64_t now;
	int n;

	for (unsigned i = 0; i < BENCH_BATCH; i++) {
		vectors[i] = (struct iovec){ replies[i], REPLY_MAX };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vectors[i], .msg_iovlen = 1 } };
	}
	/* ECONNREFUSED is news of an earlier question, which the time-out counts. */
	n = recvmmsg(p->fd, messages, BENCH_BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	now = bench_now();
	for (int i = 0; i < n; i++)
		take(l, p, replies[i], messages[i].msg_len, now);
	return (unsigned)n;
}

static void expire(struct load *l, uint64_t now)
{
	if (now < l->next_expiry)
		return;
	l->next_expiry = now + EXPIRE_EVERY;
	for (unsigned i = 0; i < l->port_count; i++)
		for (unsigned slot = 0; slot < l->slots; slot++) {
			struct flight *f = &l->ports[i].flights[slot];

			if (f->since && now > f->since && now - f->since > l->timeout) {
				l->lost++;
				release(l, &l->ports[i], f);
			}
		}
}

static void run(struct load *l)
{
	unsigned turn = 0;

	l->start = l->schedule = l->last = bench_now();
	for (;;) {
		uint64_t now = bench_now();
		bool asking = !bench_stopped && now - l->start < l->duration && l->sent < l->count;
		unsigned moved = 0;

		if (!asking && !l->flying)
			return;
		keep_schedule(l, now);
		for (unsigned i = 0; i < l->port_count; i++) {
			struct port *p = &l->ports[(turn + i) % l->port_count];

			moved += hear(l, p);
			if (asking)
				moved += ask(l, p, now);
		}
		turn++;
		expire(l, now);
		if (!moved)
			sched_yield();
	}
}

static void print(const struct load *l)
{
	double seconds = (double)(l->last - l->start) / 1e9;

	printf("{\"sent\":%llu,\"answers\":%llu,\"lost\":%llu,\"wrong\":%llu,\"stray\":%llu,\"seconds\":%.6f,"
	       "\"per_second\":%.0f,\"median_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f}\n",
	       (unsigned long long)l->sent, (unsigned long long)l->answers, (unsigned long long)l->lost,
	       (unsigned long long)l->wrong, (unsigned long long)l->stray, seconds,
	       seconds > 0 ? (double)l->answers / seconds : 0, percentile(l, 0.5), percentile(l, 0.99),
	       percentile(l, 0.999), (double)l->slowest / 1000);
}

static void usage(void)
{
	fputs("usage: load --server ADDR@PORT (--file FILE | --unique PATTERN [--type TYPE] [--first N]) [OPTION…]\n"
	      "  --file FILE       questions, one `name type` a line, over and over\n"
	      "  --unique PATTERN  names made by counting up the %d in it, from --first on\n"
	      "  --count N         questions to ask (no bound), --seconds N how long to ask (1)\n"
	      "  --window N        questions outstanding (192), over --ports N source ports (4)\n"
	      "  --rate N          questions a second (as many as the window lets)\n"
	      "  --rcode N         what the answers must have (0), --ancount N and how many records at least (0)\n"
	      "  --timeout MS      when a question counts as lost (1000)\n", stderr);
	exit(2);
}

static const struct option options[] = {
	{ "server", required_argument, NULL, 's' }, { "file", required_argument, NULL, 'f' },
	{ "unique", required_argument, NULL, 'u' }, { "type", required_argument, NULL, 't' },
	{ "first", required_argument, NULL, '1' },  { "count", required_argument, NULL, 'c' },
	{ "seconds", required_argument, NULL, 'd' }, { "window", required_argument, NULL, 'w' },
	{ "ports", required_argument, NULL, 'p' },  { "rate", required_argument, NULL, 'r' },
	{ "rcode", required_argument, NULL, 'R' },  { "ancount", required_argument, NULL, 'A' },
	{ "timeout", required_argument, NULL, 'o' }, { 0 }
};

static void read_options(struct load *l, int argc, char **argv)
{
	uint64_t window = l->slots;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 's': l->server = bench_address(optarg); break;
		case 'f': questions_read(&l->questions, optarg); break;
		case 'u': questions_unique(&l->questions, optarg); break;
		case 't': l->questions.type = question_type(optarg); break;
		case '1': l->questions.next = bench_number(optarg, 0, UINT32_MAX); break;
		case 'c': l->count = bench_number(optarg, 1, UINT64_MAX); break;
		case 'd': l->duration = bench_number(optarg, 1, 600) * 1000000000; break;
		case 'w': window = bench_number(optarg, 1, SLOTS_MAX * PORTS_MAX); break;
		case 'p': l->port_count = (unsigned)bench_number(optarg, 1, PORTS_MAX); break;
		case 'r': l->rate = bench_number(optarg, 1, 100000000); break;
		case 'R': l->rcode = (unsigned)bench_number(optarg, 0, 15); break;
		case 'A': l->ancount = (unsigned)bench_number(optarg, 0, 1000); break;
		case 'o': l->timeout = bench_number(optarg, 1, 60000) * 1000000; break;
		default: usage();
		}
	}
	l->slots = (unsigned)((window + l->port_count - 1) / l->port_count);
	if (optind != argc || !l->server.sin_port || !l->questions.list == !l->questions.prefix || l->slots > SLOTS_MAX)
		usage();
}

int main(int argc, char **argv)
{
	read_options(&load, argc, argv);
	bench_stop_after((unsigned)(load.duration / 1000000000) + 1);
	for (unsigned i = 0; i < load.port_count; i++)
		port_open(&load, &load.ports[i]);
	run(&load);
	print(&load);
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An upstream that is never the bottleneck: it knows no names, it makes every answer out of the question. A and AAAA of
 *
 *     x.ZONE -> x.cdn.ZONE -> x.edge.ZONE -> addresses
 *
 * with addresses made from the first label, in public ranges, as private ones would be taken out. Asked for x.cdn.ZONE
 * or x.edge.ZONE it answers from there on. All else is NODATA. --distinct: the addresses of x1, x2, … are all different.
 */
#include "serve.h"

#include <fcntl.h>
#include <getopt.h>
#include <strings.h>
#include <sys/mman.h>

#define HEADER 12
#define NAME_ROOM 248 /* what a name may have for "edge" to be put in */
#define EDNS_SIZE 1232

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, TYPE_OPT = 41, CLASS_IN = 1 };

/* The names of a chain in order; the question's own has no label put in. */
static const char *const stations[] = { "", "cdn", "edge" };
enum { LAST_STATION = 2 };

static uint32_t ttl = 300;
static bool distinct; /* no two names share an IPv4 address: their number tells where theirs begin */
static unsigned least_addresses = 3, most_addresses = 3;

struct question {
	unsigned first; /* length of the first label */
	unsigned station;
	size_t zone;    /* where what follows the station's label begins */
	size_t end;
	uint16_t type;
	bool edns;
};

struct writer {
	uint8_t *packet;
	size_t at;
	unsigned answers;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put8(struct writer *w, unsigned value)
{
	w->packet[w->at++] = (uint8_t)value;
}

static void put16(struct writer *w, unsigned value)
{
	put8(w, value >> 8);
	put8(w, value & 0xff);
}

static void put_pointer(struct writer *w, size_t to)
{
	put16(w, 0xc000 | (unsigned)to);
}

static void put_record(struct writer *w, size_t owner, unsigned type, unsigned length)
{
	put_pointer(w, owner);
	put16(w, type);
	put16(w, CLASS_IN);
	put16(w, ttl >> 16);
	put16(w, ttl & 0xffff);
	put16(w, length);
	w->answers++;
}

/* The end of the name at HEADER, 0 if it is broken or compressed. */
static size_t skip_name(const uint8_t *p, size_t length)
{
	size_t at = HEADER;

	while (at < length && p[at]) {
		if (p[at] > 63)
			return 0;
		at += 1u + p[at];
	}
	return at < length ? at + 1 : 0;
}

static bool label_is(const uint8_t *p, size_t at, const char *text)
{
	size_t length = strlen(text);

	return p[at] == length && !strncasecmp((const char *)p + at + 1, text, length);
}

static bool parse(const uint8_t *p, size_t length, struct question *q)
{
	size_t end;

	if (length < HEADER || (p[2] & 0xf8) || get16(p + 4) != 1)
		return false;
	end = skip_name(p, length);
	if (!end || end + 4 > length)
		return false;
	q->first = p[HEADER];
	q->station = 0;
	q->zone = HEADER + 1 + q->first;
	for (unsigned i = 1; q->first && i <= LAST_STATION; i++)
		if (label_is(p, q->zone, stations[i]))
			q->station = i;
	q->zone += q->station ? 1 + strlen(stations[q->station]) : 0;
	q->type = get16(p + end);
	q->end = end + 4;
	q->edns = get16(p + 10) == 1 && length >= q->end + 11 && get16(p + q->end + 1) == TYPE_OPT;
	return true;
}

/* FNV-1a over the first label, in lower case: the same addresses wherever on the chain one asks. */
static uint32_t hash_label(const uint8_t *label, unsigned length)
{
	uint32_t hash = 2166136261u;

	for (unsigned i = 0; i < length; i++)
		hash = (hash ^ (label[i] | 0x20)) * 16777619u;
	return hash;
}

/* Returns where the name stands that it leads to. */
static size_t put_cname(struct writer *w, const struct question *q, size_t owner, unsigned station)
{
	unsigned label = (unsigned)strlen(stations[station]);
	size_t target;

	put_record(w, owner, TYPE_CNAME, 1 + q->first + 1 + label + 2);
	target = w->at;
	memcpy(w->packet + w->at, w->packet + HEADER, 1 + q->first);
	w->at += 1 + q->first;
	put8(w, label);
	memcpy(w->packet + w->at, stations[station], label);
	w->at += label;
	put_pointer(w, q->zone);
	return target;
}

/* The number that a label ends with. */
static uint32_t label_number(const uint8_t *label, unsigned length)
{
	uint32_t number = 0;

	for (unsigned i = 0; i < length; i++)
		number = label[i] >= '0' && label[i] <= '9' ? number * 10 + (label[i] - '0') : 0;
	return number;
}

/* From 11.0.0.0 on; up to 100.64.0.0 none of them is private. */
static void put_distinct(struct writer *w, const struct question *q, size_t owner)
{
	uint32_t first = label_number(w->packet + HEADER + 1, q->first) * most_addresses;

	for (unsigned i = 0; i < most_addresses; i++) {
		uint32_t address = (11u << 24) + (first + i) % (89u << 24);

		put_record(w, owner, TYPE_A, 4);
		put16(w, address >> 16);
		put16(w, address & 0xffff);
	}
}

static void put_addresses(struct writer *w, const struct question *q, size_t owner)
{
	uint32_t hash = hash_label(w->packet + HEADER + 1, q->first);
	unsigned count = least_addresses + (hash >> 24) % (most_addresses - least_addresses + 1);

	for (unsigned i = 0; i < count; i++) {
		if (q->type == TYPE_A) {
			put_record(w, owner, TYPE_A, 4);
			put16(w, 93 << 8 | 184);
		} else {
			put_record(w, owner, TYPE_AAAA, 16);
			put16(w, 0x2606);
			put16(w, 0x2800);
			put16(w, hash >> 16);
			put16(w, 0);
			put16(w, 0);
			put16(w, 0);
			put16(w, 0);
		}
		put16(w, (hash + i) & 0xffff);
	}
}

static void put_opt(struct writer *w)
{
	put8(w, 0);
	put16(w, TYPE_OPT);
	put16(w, EDNS_SIZE);
	put16(w, 0);
	put16(w, 0);
	put16(w, 0);
}

static size_t answer(uint8_t *packet, size_t length)
{
	struct writer w = { .packet = packet };
	struct question q;
	size_t owner = HEADER;

	if (!parse(packet, length, &q))
		return 0;
	w.at = q.end;
	if ((q.type == TYPE_A || q.type == TYPE_AAAA) && q.first && q.end < HEADER + NAME_ROOM) {
		for (unsigned station = q.station + 1; station <= LAST_STATION; station++)
			owner = put_cname(&w, &q, owner, station);
		if (distinct && q.type == TYPE_A)
			put_distinct(&w, &q, owner);
		else
			put_addresses(&w, &q, owner);
	}
	if (q.edns)
		put_opt(&w);
	packet[2] = 0x80 | (packet[2] & 0x01);
	packet[3] = 0x80;
	memset(packet + 6, 0, 6);
	packet[7] = (uint8_t)w.answers;
	packet[11] = q.edns;
	return w.at;
}

/* Eight bytes in a file, for another process to read while we run: what is cached must not come here, a miss must. */
static volatile uint64_t *map_counter(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *page;

	if (fd < 0 || ftruncate(fd, sizeof(uint64_t)) < 0)
		bench_die("%s: %s", path, strerror(errno));
	page = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		bench_die("%s: %s", path, strerror(errno));
	close(fd);
	return page;
}

static void set_addresses(char *text)
{
	char *dash = strchr(text, '-');

	if (dash)
		*dash = '\0';
	least_addresses = (unsigned)bench_number(text, 1, 8);
	most_addresses = dash ? (unsigned)bench_number(dash + 1, least_addresses, 8) : least_addresses;
}

static void usage(void)
{
	fputs("usage: upstream --listen ADDR@PORT [--ttl N] [--addresses N[-N]] [--distinct] [--counter FILE] [--seconds N]\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' }, { "ttl", required_argument, NULL, 't' },
		{ "addresses", required_argument, NULL, 'a' }, { "counter", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' }, { "distinct", no_argument, NULL, 'd' }, { 0 }
	};
	volatile uint64_t *count = NULL;
	unsigned seconds = 600;
	int fd = -1, o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'l': fd = bench_listen(optarg); break;
		case 't': ttl = (uint32_t)bench_number(optarg, 0, INT32_MAX); break;
		case 'a': set_addresses(optarg); break;
		case 'c': count = map_counter(optarg); break;
		case 'd': distinct = true; break;
		case 's': seconds = (unsigned)bench_number(optarg, 1, 3600); break;
		default: usage();
		}
	}
	if (fd < 0 || optind != argc)
		usage();
	bench_stop_after(seconds);
	serve(fd, answer, count);
	return 0;
}

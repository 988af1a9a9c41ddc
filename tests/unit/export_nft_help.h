/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_NFT_HELP_H
#define EXPORT_NFT_HELP_H

/* A sink of nf_tables in a network namespace of the test's own, what it tells written down, and nft(8) beside it. */

#include <sched.h>
#include <sys/wait.h>
#include <time.h>

#include "export/nft_internal.h"
#include "io_help.h"

#define SEEN 8192

struct seen {
	char event[16], key[SHAPE_ELEMENT_TEXT], name[160];
	uint64_t left_ms;
	bool ours;
	int err;
	struct sink_set *set;
};

static struct seen seen[SEEN];
static size_t n_seen, n_done, n_failed;
static struct sink *sink;
static struct conf_export conf[2];
static char why[1024];
static uint8_t keys[128 << 10][SHAPE_KEY_MAX];

static struct seen *note(const char *event, struct sink_set *set)
{
	struct seen *s = &seen[n_seen < SEEN - 1 ? n_seen++ : SEEN - 1];

	*s = (struct seen){ .set = set };
	snprintf(s->event, sizeof(s->event), "%s", event);
	return s;
}

static void on_done(void *ctx, struct sink_op *op)
{
	n_done++;
	n_failed += op->err != 0;
}

static void on_present(void *ctx, struct sink_set *set)
{
	note("present", set);
}

static void on_element(void *ctx, struct sink_set *set, const struct sink_element *e)
{
	struct seen *s = note("element", set);

	shape_element_text(&set->shape, e->key, s->key);
	snprintf(s->name, sizeof(s->name), "%s", e->name);
	s->left_ms = e->left_ms;
	s->ours = e->ours;
}

static void on_dumped(void *ctx, struct sink_set *set, int err)
{
	note("dumped", set)->err = err;
}

static void on_removed(void *ctx, struct sink_set *set, const uint8_t *key)
{
	shape_element_text(&set->shape, key, note("removed", set)->key);
}

static void on_emptied(void *ctx, struct sink_set *set, bool gone, const char *by)
{
	snprintf(note(gone ? "gone" : "emptied", set)->name, 160, "%s", by);
}

static void on_overrun(void *ctx, struct sink *s)
{
	note("overrun", NULL);
}

static const struct sink_events events = {
	.done = on_done, .present = on_present, .element = on_element, .dumped = on_dumped, .removed = on_removed,
	.emptied = on_emptied, .overrun = on_overrun,
};

static inline unsigned count(const char *event)
{
	unsigned n = 0;

	for (size_t i = 0; i < n_seen; i++)
		n += !strcmp(seen[i].event, event);
	return n;
}

static inline const struct seen *find(const char *event, const char *key)
{
	for (size_t i = n_seen; i--;) {
		if (!strcmp(seen[i].event, event) && (!key || !strcmp(seen[i].key, key)))
			return &seen[i];
	}
	return NULL;
}

/* The events in their order, "removed removed gone". */
static inline const char *order(void)
{
	static char text[4096];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n_seen && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "", seen[i].event);
	return text;
}

static inline void nft(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;
	int n = snprintf(cmd, sizeof(cmd), "nft '");

	va_start(ap, fmt);
	vsnprintf(cmd + n, sizeof(cmd) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	strcat(cmd, "'");
	if (system(cmd))
		fail_msg("%s", cmd);
}

static inline const char *output(const char *cmd)
{
	static char text[1 << 16];
	FILE *f = popen(cmd, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	assert_int_equal(pclose(f), 0);
	return text;
}

/* Whether `nft list ruleset` says so. */
static inline bool listed(const char *text)
{
	return strstr(output("nft list ruleset"), text);
}

#define assert_listed(text) do { if (!listed(text)) { print_error("%s\n", output("nft list ruleset")); \
	fail_msg("not listed: %s", text); } } while (0)

static inline int nft_add_set(struct sink_set *set, unsigned family, const struct conf_export *c)
{
	*set = (struct sink_set){ .conf = c, .family = family ? EXPORT_V6 : EXPORT_V4 };
	why[0] = '\0';
	return sink_nft.add(sink, set, why, sizeof(why));
}

static bool all_dumped(void)
{
	return count("dumped") >= count("present");
}

static inline const uint8_t *key_of(const struct sink_set *set, uint32_t i, const char *client, uint16_t port)
{
	struct shape_fields f = { .proto = IPPROTO_TCP, .port = port };
	uint8_t a[16] = { 0x20, 0x01, 0x0d, 0xb8, [13] = (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
	uint8_t b[4] = { 198, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
	uint8_t *key = keys[i % ARRAY_SIZE(keys)];

	f.addr = set->shape.family == 16 ? addr_v6(a) : addr_v4(b);
	if (client)
		assert_int_equal(addr_parse(&f.client, client, strlen(client)), 0);
	assert_int_equal(shape_key(&set->shape, &f, key), 0);
	return key;
}

static inline struct sink_op op(enum sink_what what, struct sink_set *set, uint32_t i, uint64_t ms)
{
	return (struct sink_op){ .what = what, .set = set, .key = key_of(set, i, "198.51.100.7", 443), .ms = ms,
				 .name = "dl.example.com", .err = 1 };
}

/* Gives the first op's outcome. */
static inline int submit(struct sink_op *ops, size_t n)
{
	struct sink_op **list = calloc(n, sizeof(*list));
	size_t before = n_done;

	assert_non_null(list);
	for (size_t i = 0; i < n; i++)
		list[i] = &ops[i];
	sink_nft.submit(sink, list, n);
	free(list);
	assert_int_equal(n_done - before, n);
	return ops[0].err;
}

static inline int one(enum sink_what what, struct sink_set *set, uint32_t i, uint64_t ms)
{
	struct sink_op o = op(what, set, i, ms);

	return submit(&o, 1);
}

static inline uint64_t left(struct sink_set *set, uint32_t i)
{
	struct sink_element e;
	const uint8_t *key = key_of(set, i, "198.51.100.7", 443);

	return sink_nft.get(sink, set, key, &e) ? 0 : e.left_ms;
}

/* What others did has been told. */
static inline void look(void)
{
	sink_nft.poll(sink);
	help_until(all_dumped);
}

static inline void forget_seen(void)
{
	n_seen = 0;
}

static bool allowed;

static inline int nft_setup(void **state)
{
	if (!allowed)
		return 0;
	nft("flush ruleset");
	n_seen = n_done = n_failed = 0;
	for (unsigned i = 0; i < 2; i++)
		conf[i] = (struct conf_export){
			.name = { "lockdown", 1 }, .size = 65536, .key = KEY_ADDRESS,
			.set = { { "inet", "lockdown", "update4", 1 }, { "inet", "lockdown", "update6", 1 } },
		};
	if (help_setup(state))
		return -1;
	sink = sink_nft.open(loop, &events, NULL, &conf[0], why, sizeof(why));
	if (!sink)
		print_error("%s\n", why);
	return sink ? 0 : -1;
}

static inline int nft_teardown(void **state)
{
	if (!allowed)
		return 0;
	sink_nft.close(sink);
	return help_teardown(state);
}

/* Root in a namespace of its own, with nft(8); the kernel must know nf_tables. */
static inline void nft_enter(void)
{
	allowed = !getuid() && !unshare(CLONE_NEWNET) && !system("nft add table inet t 2>/dev/null && nft flush ruleset");
}

#define need_nft() do { if (!allowed) skip(); } while (0)

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_SNAP_UTIL_H
#define TESTS_UNIT_SNAP_UTIL_H

/* Snapshots from text: the configuration is written to a folder of the test's own, beside its catalogues. */

#include "conf_util.h"

#include "policy/snapshot.h"

/* Files "NAME.ini" of the test's folder are its catalogues. Errors fail the test. */
static inline struct snapshot *snap_build(const char *text, uint32_t generation)
{
	struct diag_list *d = diag_new();
	struct snapshot *s;
	char *whole = NULL, *got;

	assert_non_null(d);
	assert_true(asprintf(&whole, "[server]\nzones = %s\n%s", util_dir, text) > 0);
	s = snapshot_build(&(struct snapshot_options){ .path = util_text("postern.conf", whole), .path_written = true,
						       .generation = generation }, d);
	got = util_diags(d);
	if (!s)
		fail_msg("no snapshot: %s", got);
	free(got);
	free(whole);
	diag_free(d);
	return s;
}

static inline struct name snap_name(const char *text)
{
	struct name n;

	if (name_from_text(&n, text, strlen(text)))
		fail_msg("%s is no name", text);
	return n;
}

static inline struct addr snap_addr(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text, strlen(text)))
		fail_msg("%s is no address", text);
	return a;
}

static inline const struct profile *snap_profile(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->n_profiles; i++)
		if (!strcmp(s->profiles[i].name, name))
			return &s->profiles[i];
	fail_msg("no profile %s", name);
	return NULL;
}

/* The ports of attrs, "tcp/80 tcp/443", in the order of the snapshot's table. */
static inline const char *snap_ports(const struct snapshot *s, const struct attrs *a, char *buf)
{
	char one[16], *out = buf;

	*buf = '\0';
	for (size_t i = 0; i < s->catalog->n_ports; i++)
		if (a->ports[i / 64] >> i % 64 & 1)
			out += sprintf(out, "%s%s", out > buf ? " " : "", conf_port_text(&s->catalog->ports[i], one));
	return buf;
}

/* A client's question, in msg (WIRE_QUERY_MAX bytes), parsed into *q. */
static inline void snap_question(struct wire_query *q, uint8_t *msg, const char *name, uint16_t type, bool edns)
{
	struct name n = snap_name(name);
	size_t len = wire_question(msg, 0x1234, &n, type, false);

	if (!edns) {
		len -= 11;
		bytes_put_u16(msg + 10, 0);
	}
	assert_int_equal(wire_parse_query(q, msg, len), WIRE_OK);
}

#endif

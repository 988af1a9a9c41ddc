/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_IPSET_MSG_H
#define EXPORT_IPSET_MSG_H

/* Netlink messages of the kernel's ipset, written and read. */

#include <libmnl/libmnl.h>
#include <linux/netfilter/ipset/ip_set.h>

#include "export/sink.h"

/* In timeouts the kernel counts seconds, at most these. */
#define IPSET_SECONDS_MAX (UINT32_MAX / 2 / 1000)
/* Bytes of any one message of ours: names of 32, a comment of 255, two addresses. */
#define IPSET_MSG_ROOM 1024
/* Before the opener's name in a comment: it is ours. */
#define IPSET_MARK "postern "

struct ipset_type {
	const char *name;
	struct shape shape;		/* but for the family */
	bool net;			/* its addresses have prefix lengths */
};

struct ipset_header {
	char type[IPSET_MAXNAMELEN];
	uint8_t family, revision;
	bool timeout, comment, forceadd, netmask;
	uint32_t elements;
};

struct ipset_element {
	uint8_t key[SHAPE_KEY_MAX];
	uint64_t left_ms;		/* SINK_EVER */
	char comment[IPSET_MAX_COMMENT_SIZE + 1];
	/* What else it bears (comment, counters, …), as attributes for its renewal. */
	uint8_t extra[512];
	size_t extra_len;
};

/* By the kernel's name, or NULL. */
const struct ipset_type *ipset_type_named(const char *name);
const struct ipset_type *ipset_type_of(enum conf_export_key key);

/* A request's head in buf; set NULL: about none. */
struct nlmsghdr *ipset_msg(void *buf, unsigned cmd, uint16_t flags, uint32_t seq, const char *set);
/* ADD, DEL, TEST: the element. ms 0: no time. comment, extra: or NULL. */
void ipset_msg_element(struct nlmsghdr *h, const struct ipset_type *t, const struct shape *s, const uint8_t *key,
		       uint64_t ms, const char *comment, const struct ipset_element *extra);
void ipset_msg_create(struct nlmsghdr *h, const struct ipset_type *t, enum export_family family, uint8_t revision,
		      uint32_t maxelem);
void ipset_msg_flags(struct nlmsghdr *h, uint32_t flags);

/* The reply to a LIST, HEADER or TYPE. What is not said stays as it was. */
void ipset_read_header(const struct nlmsghdr *h, struct ipset_header *out);
/* Each element of a LIST's reply that one of ours could be (no wider prefix). */
void ipset_read_elements(const struct nlmsghdr *h, const struct ipset_type *t, const struct shape *s,
			 void (*each)(void *ctx, const struct ipset_element *e), void *ctx);
/* -errno of what the kernel answered. */
int ipset_errno(int err);

#endif

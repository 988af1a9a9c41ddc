/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_IPSET_H
#define EXPORT_IPSET_H

/* kind = ipset from inside: ipset.c is the sink, ipset_talk.c its netlink socket, ipset_watch.c finds what is gone. */

#include "export/file_keep.h"
#include "export/ipset_msg.h"

#define IPSET_BATCH 100			/* messages of one sendmsg */
#define IPSET_BUF 65536

/* struct keep_entry.mark */
#define IPSET_FOREIGN 1			/* somebody else's */
#define IPSET_FRESH 2			/* written while a dump went on, which may not have seen it */
#define IPSET_GONE 4			/* deleted while a dump went on, which may have seen it before */

struct ipset_set {
	struct sink_set *set;
	struct ipset_set *next;
	char name[IPSET_MAXNAMELEN];
	const struct ipset_type *type;
	bool comment;
	bool wants_dump;
	bool asked;			/* by the batch that is written now */
	int fit;			/* 0, or why that batch cannot have it */
	struct keep keep;		/* what is watched: ours, and what others had when it was told */
	size_t cursor, round;		/* of the looks at it */
};

struct sink {
	struct loop *loop;
	const struct sink_events *ev;
	void *ctx;
	struct mnl_socket *nl, *dump_nl;
	struct watch *dump_watch;
	struct ipset_set *sets;
	struct ipset_set *dumping;	/* whose dump it is; NULL: none, or its set was removed */
	bool dump_on;			/* the kernel is not through with it */
	bool looking;
	uint32_t seq, dump_seq;
	struct timer tick;
	uint64_t ticked_us;
	uint8_t out[IPSET_BUF], in[IPSET_BUF], part[IPSET_BUF];
};

/* ipset_talk.c. Requests are carried out before sendmsg returns; answers wait then. */
/* One request; each reply goes to `each` (or NULL). 0 or -errno. */
must_check int ipset_ask(struct sink *s, const struct nlmsghdr *h, mnl_cb_t each, void *ctx);
/* n requests of numbers from `first` on, len bytes in s->out; errs[i] gets their outcome, `silent` where none came. */
void ipset_batch(struct sink *s, size_t len, uint32_t first, size_t n, int silent, int *errs);
/* The set's header: 0, -ENOENT, -errno. */
must_check int ipset_header(struct sink *s, const char *name, struct ipset_header *h);
/* The same without what costs time in a large set: type, family and revision alone. */
must_check int ipset_glance(struct sink *s, const char *name, struct ipset_header *h);
/* Finds one element by reading the whole set: 0, -ENOENT, -errno. */
must_check int ipset_find(struct sink *s, const struct ipset_set *is, const uint8_t *key, struct ipset_element *e);
must_check int ipset_create(struct sink *s, const struct conf_export *c, enum export_family family, const char *name);

/* ipset_watch.c */
void ipset_watch_init(struct sink *s);
void ipset_watch_close(struct sink *s);
/* Sets the next look; at once: something is known to be wrong. */
void ipset_watch_arm(struct sink *s, bool at_once);
/* Looks now. */
void ipset_look(struct sink *s);
/* Told as a dump: starts it, or as soon as the one under way is over. */
must_check int ipset_dump(struct sink *s, struct ipset_set *is);
void ipset_dump_forget(struct sink *s, struct ipset_set *is);
/* Puts an element among those watched, or moves its end. */
void ipset_know(struct sink *s, struct ipset_set *is, const uint8_t *key, uint64_t ms, uint32_t mark);
void ipset_unknow(struct sink *s, struct ipset_set *is, const uint8_t *key);
void ipset_poll(struct sink *s);

/* ipset.c: whether the set can be used as it is; `why` says why not. */
must_check int ipset_fit(const struct sink_set *set, const struct ipset_header *h, char *why, size_t why_len);
/* It is there: tells so, and what it holds. */
void ipset_come(struct sink *s, struct ipset_set *is, const struct ipset_header *h);
/* Whether an element bears our mark, or is known to be ours. */
bool ipset_ours(const struct ipset_set *is, const struct ipset_element *e);
/* As the book hears of it; out points into e. */
void ipset_tell(const struct ipset_element *e, bool ours, struct sink_element *out);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_NFT_INTERNAL_H
#define EXPORT_NFT_INTERNAL_H

/*
 * The parts of the nf_tables sink: sockets and requests (nft_link), elements as messages (nft_elem), sets (nft_set),
 * batches (nft_submit), what others do (nft_event), and have done before it is told (nft_gen), dumps (nft_dump), what the
 * kernel can do (nft_ability).
 */

#include <libmnl/libmnl.h>

#include "export/sink.h"

#define NFT_OUT ((size_t)512 << 10)	/* of one batch */
#define NFT_IN ((size_t)64 << 10)	/* of one datagram: the kernel fills at most 32 KB */
#define NFT_MSG_MAX 4096		/* a request's longest: two names of 255, a key, user data of 256, and room */
#define NFT_COMMENT 128			/* with its NUL */
#define NFT_DESTROYSETELEM 30		/* of Linux 6.3, which headers of Debian 12 lack */

/* The sockets, and what the kernel behind them can do. */
struct nft_link {
	struct mnl_socket *req, *events, *dump;	/* the last two only where they are needed */
	uint32_t seq;
	uint32_t commits;		/* transactions of ours that changed something, since it was set to 0 */
	size_t out_max;			/* bytes that one send may have */
	uint8_t *out;			/* NFT_OUT: a batch */
	uint8_t *in, *event, *part;	/* NFT_IN each: a reply, an event, a part of a dump */
	struct nlmsghdr *tail;		/* the last message that was started */
	bool known;			/* the abilities below have been tried */
	bool update;			/* an add of an element that is there moves its time (Linux 6.12) */
	bool destroy;			/* deleting what is not there is no error (Linux 6.3) */
	bool count;			/* a set tells how many elements it has (Linux 6.17) */
};

/* 0 or -errno. events: join the group too, and leave out what this link itself does. */
must_check int nft_link_open(struct nft_link *k, bool events);
void nft_link_close(struct nft_link *k);
/* A message's start in out[0…]; NFT_MSG_MAX bytes are there for it. */
struct nlmsghdr *nft_start(struct nft_link *k, uint8_t *at, uint16_t type, uint16_t flags, uint8_t family);
/* Sends one request and gives its answer to `each` (NULL: there is none but 0). 0 or -errno, which may be each's. */
must_check int nft_ask(struct nft_link *k, struct nlmsghdr *nlh, int (*each)(void *ctx, const struct nlmsghdr *nlh),
		       void *ctx);
/* A batch: messages from nft_batch_start's end on, then nft_batch_end, which gives where the text ends. */
uint8_t *nft_batch_start(struct nft_link *k, uint8_t *at);
uint8_t *nft_batch_end(struct nft_link *k, uint8_t *at);
/* The batch in k->out, of few messages and without its end: 0 or the first error. */
must_check int nft_run(struct nft_link *k, uint8_t *end);
/* A datagram into `to`, NFT_IN bytes: its length, 0 for nothing there (or a time-out), -errno. */
must_check ssize_t nft_read(const struct mnl_socket *from, uint8_t *to, int flags);
/* A whole message among the bytes left. libmnl 1.0.4 takes a length over 2 GB for a negative one, and that for small. */
static inline bool nft_msg_ok(const struct nlmsghdr *nlh, int len)
{
	return len >= (int)sizeof(*nlh) && nlh->nlmsg_len <= (uint32_t)len && mnl_nlmsg_ok(nlh, len);
}

/* An error's code, 0 for an acknowledgement; -EBADMSG for one that is too short. */
int nft_error(const struct nlmsghdr *nlh);
/* Attributes of a message by number, those above max are passed over. The first is NULL. */
void nft_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb, uint16_t max);
void nft_attrs_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max);
/* "" for what is no string. */
const char *nft_text(const struct nlattr *a);
uint32_t nft_u32(const struct nlattr *a);	/* network byte order; 0 for what is none */
uint64_t nft_u64(const struct nlattr *a);
uint8_t nft_family(const char *name);

/* What a set is. */
struct nft_about {
	uint32_t flags, type, len, size, count;
	uint64_t handle;
	bool counts;			/* count is known */
};

must_check int nft_set_about(struct nft_link *k, const struct conf_set *at, struct nft_about *a);
/* A message about a set; false: it is none. */
bool nft_set_parse(const struct nlmsghdr *nlh, struct nft_about *a);
/* Its shape, if it is one that the export can use; else -EINVAL with why not. */
must_check int nft_set_shape(const struct nft_about *a, const struct conf_export *c, enum export_family f,
			     struct shape *s, char *why, size_t why_len);
/* The command that makes it, of this shape; instead: one of the same name is there. */
void nft_set_command(const struct conf_export *c, enum export_family f, const struct shape *s, bool instead,
		     char *buf, size_t len);
must_check int nft_set_make(struct nft_link *k, const struct conf_export *c, enum export_family f);
uint8_t *nft_table_put(struct nft_link *k, uint8_t *at, const struct conf_set *s, bool make);
uint8_t *nft_set_put(struct nft_link *k, uint8_t *at, const struct conf_set *s, const struct shape *shape,
		     uint64_t size);

/* An element to be written; ms 0: no time, comment NULL: no user data. */
struct nft_elem {
	const struct conf_set *at;
	const uint8_t *key;
	size_t key_len;
	uint64_t ms;
	const char *comment;		/* and our mark */
	const uint8_t *data;		/* user data as it is, in place of both */
	size_t data_len;
};

/* Appends the message at `at` and gives its end; the caller has NFT_MSG_MAX bytes there. */
uint8_t *nft_elem_put(struct nft_link *k, uint8_t *at, uint16_t type, uint16_t flags, const struct nft_elem *e);
/* An element that was read. False: none that belongs into a set of keys of key_len. name: NFT_COMMENT bytes for it. */
bool nft_elem_get(const struct nlattr *elem, size_t key_len, struct sink_element *e, char *name,
		  const struct nlattr **data);
/* One that the kernel is asked for; what e and data point to is valid until the next call. */
must_check int nft_elem_ask(struct nft_link *k, const struct conf_set *at, const uint8_t *key, size_t key_len,
			    struct sink_element *e, char *name, const struct nlattr **data);
/* Every element of a message. */
void nft_elems(const struct nlmsghdr *nlh, size_t key_len, void (*each)(void *ctx, const struct sink_element *e),
	       void *ctx);
/* Whose elements (or set, or table) a message is about. */
struct nft_where {
	uint8_t family;
	const char *table, *set;
};
bool nft_where(const struct nlmsghdr *nlh, struct nft_where *w);

/* Tries what this kernel can do in a table of our own that is gone at once; known stays false where it may not. */
void nft_ability(struct nft_link *k);

#define NFT_RUN 256			/* keys that wait to be told, so that a flush is told as one */

/* One set of the book's. */
struct nft_set {
	struct nft_set *next;
	struct sink_set *set;
	uint8_t family;			/* NFPROTO_* */
	uint64_t handle;
	bool want_dump;			/* asked for and not begun */
	unsigned restarts;		/* of its dump */
	bool tx_gone, tx_new;		/* in the transaction being read */
	size_t passed_over;		/* deletions of a transaction that was known of before it was told */
};

/* By the configuration in force: the book moves set->conf on. */
static inline const struct conf_set *nft_at(const struct nft_set *n)
{
	return &n->set->conf->set[n->set->family];
}

/* Deletions of one set in one transaction, that wait for its end: whether it was a flush, and who did it. */
struct nft_removals {
	const struct nft_set *of;
	size_t n;
	bool flush;			/* that is what it was: whatever else is deleted has gone with it */
	uint8_t keys[NFT_RUN][SHAPE_KEY_MAX];
};

struct sink {
	struct loop *loop;
	const struct sink_events *ev;
	void *ctx;
	struct nft_link link;
	struct watch *events, *dumps;
	struct nft_set *sets;
	/* of nft_dump.c */
	struct nft_set *dumping;	/* NULL: none, or the set of a dump that goes on was taken away */
	bool dump_busy, dump_broken;	/* broken: the set changed under it */
	uint32_t dump_seq;
	/* of nft_event.c */
	uint32_t tx;			/* port of him whose transaction is being read */
	struct nft_removals gone;
	/* of nft_gen.c */
	uint32_t gen;			/* the last generation that is known, but for link.commits of ours */
	bool gen_known;
	uint64_t gen_asked;		/* when all was known */
	uint64_t busy_until;		/* while stale */
	bool stale;			/* what is told until that generation's end is in the comparison already */
	char name[NFT_COMMENT];		/* of `get` */
};

/* Reads the set anew: 0, -ENOENT, -EINVAL with why, -errno; `present` and a dump follow if it has come. */
must_check int nft_look(struct sink *s, struct nft_set *n, char *why, size_t why_len);
void nft_lost(struct sink *s, struct nft_set *n, const char *by);
void nft_submit(struct sink *s, struct sink_op **ops, size_t n);
void nft_poll(struct sink *s);
must_check int nft_gen_ask(struct nft_link *k, uint32_t *gen);
/* What is in effect now is known: all sets are compared, or there is none yet. */
void nft_gen_known(struct sink *s);
/* A transaction of ours that may have changed nothing has come to pass. */
void nft_gen_committed(struct sink *s);
/* The events of the transaction that made this generation are read. False: of some nothing was taken. */
bool nft_gen_told(struct sink *s, uint32_t gen);
/* When no more events are there. False: there are now. What took effect and is not told yet is told as an overrun. */
must_check bool nft_gen_check(struct sink *s, bool wait);
bool nft_gen_busy(struct sink *s);
/* Asks for a dump of the set, after those that are asked for. */
void nft_dump_want(struct sink *s, struct nft_set *n);
/* Begins the next of those, unless it is too early. */
void nft_dump_next(struct sink *s);
/* The set goes: of its dump nothing is told any more. */
void nft_dump_forget(struct sink *s, struct nft_set *n);
/* A part of the dump that goes on. */
void nft_dump_read(struct sink *s);

#endif

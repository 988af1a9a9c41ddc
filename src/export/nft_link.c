/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <arpa/inet.h>
#include <endian.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/util.h"
#include "export/nft_internal.h"

/* A flush of 100,000 elements sends 10 MB of events at once; memory is taken only by what waits. */
#define EVENTS_BUFFER (16 << 20)
/* Each error of a batch is a datagram that counts for a kilobyte. */
#define ACKS_BUFFER (4 << 20)
#define SEND_BUFFER (1 << 20)
#define DUMP_BUFFER (256 << 10)
#define REPLY_US 300000

static void buffer(const struct mnl_socket *s, int forced, int plain, int bytes)
{
	int fd = mnl_socket_get_fd(s);

	/* Less is slower, not wrong. */
	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

static struct mnl_socket *open_socket(int flags)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | flags);
	int err;

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0)
		return s;
	err = errno;
	mnl_socket_close(s);
	errno = err;
	return NULL;
}

/* Leaves out the events of our own transactions: those of one come with the port it was sent from, and by themselves. */
static int filter_own(const struct nft_link *k)
{
	/* The filter reads big-endian, the header is in the machine's order. */
	uint32_t own = ntohl(mnl_socket_get_portid(k->req));
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, own, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(mnl_socket_get_fd(k->events), SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

static int open_events(struct nft_link *k)
{
	int group = NFNLGRP_NFTABLES, err;

	k->event = malloc(NFT_IN);
	k->part = malloc(NFT_IN);
	if (!k->event || !k->part)
		return -ENOMEM;
	k->events = open_socket(SOCK_NONBLOCK);
	k->dump = k->events ? open_socket(SOCK_NONBLOCK) : NULL;
	if (!k->dump)
		return -errno;
	buffer(k->events, SO_RCVBUFFORCE, SO_RCVBUF, EVENTS_BUFFER);
	buffer(k->dump, SO_RCVBUFFORCE, SO_RCVBUF, DUMP_BUFFER);
	err = filter_own(k);
	if (err)
		return err;
	if (mnl_socket_setsockopt(k->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

static int open_requests(struct nft_link *k)
{
	struct timeval wait = { .tv_usec = REPLY_US };
	socklen_t len = sizeof(int);
	int fd, sndbuf = 0, one = 1;

	k->req = open_socket(0);
	if (!k->req)
		return -errno;
	fd = mnl_socket_get_fd(k->req);
	buffer(k->req, SO_RCVBUFFORCE, SO_RCVBUF, ACKS_BUFFER);
	buffer(k->req, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
	/* An error comes without the message that it is about. */
	(void)mnl_socket_setsockopt(k->req, NETLINK_CAP_ACK, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, &len) < 0)
		return -errno;
	k->out_max = MIN(NFT_OUT, (size_t)MAX(sndbuf, 0) / 2);
	return k->out_max < 8 * NFT_MSG_MAX ? -ENOBUFS : 0;
}

int nft_link_open(struct nft_link *k, bool events)
{
	int err;

	*k = (struct nft_link){ .seq = 1, .out = malloc(NFT_OUT), .in = malloc(NFT_IN) };
	err = k->out && k->in ? open_requests(k) : -ENOMEM;
	if (!err && events)
		err = open_events(k);
	if (err)
		nft_link_close(k);
	return err;
}

void nft_link_close(struct nft_link *k)
{
	struct mnl_socket *all[] = { k->req, k->events, k->dump };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i])
			mnl_socket_close(all[i]);
	}
	free(k->out);
	free(k->in);
	free(k->event);
	free(k->part);
	*k = (struct nft_link){ .req = NULL };
}

struct nlmsghdr *nft_start(struct nft_link *k, uint8_t *at, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++k->seq;
	k->tail = nlh;
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = 0;
	return nlh;
}

static uint8_t *batch_mark(struct nft_link *k, uint8_t *at, uint16_t type)
{
	struct nlmsghdr *nlh = nft_start(k, at, type, 0, AF_UNSPEC);
	struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	return mnl_nlmsg_get_payload_tail(nlh);
}

uint8_t *nft_batch_start(struct nft_link *k, uint8_t *at)
{
	return batch_mark(k, at, NFNL_MSG_BATCH_BEGIN);
}

uint8_t *nft_batch_end(struct nft_link *k, uint8_t *at)
{
	return batch_mark(k, at, NFNL_MSG_BATCH_END);
}

ssize_t nft_read(const struct mnl_socket *from, uint8_t *to, int flags)
{
	struct sockaddr_nl peer = { .nl_family = AF_NETLINK };
	struct iovec iov = { to, NFT_IN };
	struct msghdr msg = { .msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = recvmsg(mnl_socket_get_fd(from), &msg, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	/* Only the kernel may speak, and what was cut off is no message. */
	if (n == 0 || peer.nl_pid || msg.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	return n;
}

int nft_error(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(e->error)))
		return -EBADMSG;
	return e->error > 0 ? -e->error : e->error;
}

/* Reads until the message with the number `seq` is over. */
static int await(struct nft_link *k, uint32_t first, uint32_t seq, int (*each)(void *ctx, const struct nlmsghdr *nlh),
		 void *ctx)
{
	for (;;) {
		ssize_t got = nft_read(k->req, k->in, 0);
		const struct nlmsghdr *nlh = (const void *)k->in;
		int len = (int)got;

		if (got <= 0)
			return got ? (int)got : -ETIMEDOUT;
		for (; nft_msg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			/* Late answers to what has timed out. */
			if (nlh->nlmsg_seq - first > seq - first)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				int err = nft_error(nlh);

				if (err || nlh->nlmsg_seq == seq)
					return err;
			} else if (each && nlh->nlmsg_seq == seq) {
				return each(ctx, nlh);
			}
		}
	}
}

int nft_ask(struct nft_link *k, struct nlmsghdr *nlh, int (*each)(void *ctx, const struct nlmsghdr *nlh), void *ctx)
{
	uint32_t seq = nlh->nlmsg_seq;

	if (mnl_socket_sendto(k->req, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return await(k, seq, seq, each, ctx);
}

int nft_run(struct nft_link *k, uint8_t *end)
{
	const struct nlmsghdr *first = (const void *)k->out;
	uint32_t last = k->seq;
	int err;

	k->tail->nlmsg_flags |= NLM_F_ACK;
	end = nft_batch_end(k, end);
	if (mnl_socket_sendto(k->req, k->out, (size_t)(end - k->out)) < 0)
		return -errno;
	err = await(k, first->nlmsg_seq, last, NULL, NULL);
	k->commits += !err;
	/* Errors of a batch are as many as its messages. */
	while (nft_read(k->req, k->in, MSG_DONTWAIT) > 0)
		;
	return err;
}

static void take(const struct nlattr *a, const struct nlattr **tb, uint16_t max)
{
	uint16_t type = mnl_attr_get_type(a);

	if (type <= max)
		tb[type] = a;
}

void nft_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, (max + 1u) * sizeof(*tb));
	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(struct nfgenmsg)))
		return;
	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg)) {
		take(a, tb, max);
	}
}

void nft_attrs_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, (max + 1u) * sizeof(*tb));
	mnl_attr_for_each_nested(a, nest) {
		take(a, tb, max);
	}
}

const char *nft_text(const struct nlattr *a)
{
	size_t len = a ? mnl_attr_get_payload_len(a) : 0;
	const char *text = len ? mnl_attr_get_payload(a) : "";

	return len && text[len - 1] ? "" : text;
}

uint32_t nft_u32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(a)) : 0;
}

uint64_t nft_u64(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint64_t) ? be64toh(mnl_attr_get_u64(a)) : 0;
}

uint8_t nft_family(const char *name)
{
	return !strcmp(name, "ip") ? NFPROTO_IPV4 : !strcmp(name, "ip6") ? NFPROTO_IPV6 : NFPROTO_INET;
}

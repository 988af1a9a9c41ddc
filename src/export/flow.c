/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>

#define READS 4				/* parts of the dump a turn, each some hundred flows */
#define PART 32768			/* as libmnl advises for dumps; the kernel fills no more */
#define REQUEST 256

struct flow {
	struct loop *loop;
	struct mnl_socket *nl;
	struct watch *watch;
	struct nf_conntrack *ct;
	uint32_t seq;
	flow_fn *each;
	flow_done_fn *done;		/* NULL: none is under way */
	void *ctx;
	bool closed, in_cb;
	uint8_t buf[PART];
};

static void drop(struct flow *f)
{
	if (f->nl)
		mnl_socket_close(f->nl);
	if (f->ct)
		nfct_destroy(f->ct);
	free(f);
}

static void over(struct flow *f, int err)
{
	flow_done_fn *done = f->done;

	f->done = NULL;
	watch_close(f->watch);
	f->watch = NULL;
	done(f->ctx, err);
}

static bool lives(const struct nf_conntrack *ct, uint8_t proto)
{
	if (!(nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_SEEN_REPLY))
		return false;
	if (proto == IPPROTO_UDP)
		return true;
	if (proto != IPPROTO_TCP)
		return false;
	switch (nfct_get_attr_u8(ct, ATTR_TCP_STATE)) {
	case TCP_CONNTRACK_ESTABLISHED:
	case TCP_CONNTRACK_FIN_WAIT:
	case TCP_CONNTRACK_CLOSE_WAIT:
		return true;
	default:
		return false;
	}
}

static int one(const struct nlmsghdr *h, void *ctx)
{
	struct flow *f = ctx;
	struct addr from, to;
	const void *src, *dst;
	uint8_t proto;
	bool v6;

	if (f->closed)
		return MNL_CB_OK;
	nfct_destroy(f->ct);
	f->ct = nfct_new();
	if (!f->ct)
		return MNL_CB_ERROR;
	if (nfct_nlmsg_parse(h, f->ct) < 0)
		return MNL_CB_OK;
	v6 = nfct_get_attr_u8(f->ct, ATTR_ORIG_L3PROTO) == AF_INET6;
	proto = nfct_get_attr_u8(f->ct, ATTR_ORIG_L4PROTO);
	src = nfct_get_attr(f->ct, v6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC);
	dst = nfct_get_attr(f->ct, v6 ? ATTR_ORIG_IPV6_DST : ATTR_ORIG_IPV4_DST);
	if (!src || !dst || !lives(f->ct, proto))
		return MNL_CB_OK;
	from = v6 ? addr_v6(src) : addr_v4(src);
	to = v6 ? addr_v6(dst) : addr_v4(dst);
	f->each(f->ctx, &from, &to, proto, ntohs(nfct_get_attr_u16(f->ct, ATTR_ORIG_PORT_DST)));
	return MNL_CB_OK;
}

/* 1: more comes, 0: that was all, -errno, -EAGAIN: nothing waits. */
static int part(struct flow *f)
{
	ssize_t n = mnl_socket_recvfrom(f->nl, f->buf, sizeof(f->buf));
	int r;

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	r = mnl_cb_run(f->buf, (size_t)n, f->seq, mnl_socket_get_portid(f->nl), one, f);
	if (r < 0)
		return errno ? -errno : -EIO;
	return r == MNL_CB_STOP ? 0 : 1;
}

static void ready(void *ctx, int events)
{
	struct flow *f = ctx;
	int err = 1;

	f->in_cb = true;
	for (int i = 0; i < READS && err > 0 && !f->closed; i++)
		err = part(f);
	/* A table that changes under the dump (EINTR) may have hidden a flow: the next reading sees it. */
	if (!f->closed && err <= 0 && err != -EAGAIN)
		over(f, err);
	f->in_cb = false;
	if (f->closed)
		drop(f);
}

struct flow *flow_open(struct loop *l, char *why, size_t why_len)
{
	struct flow *f = calloc(1, sizeof(*f));
	int err = ENOMEM;

	if (f) {
		f->loop = l;
		f->ct = nfct_new();
		f->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (f->ct && f->nl && !mnl_socket_bind(f->nl, 0, MNL_SOCKET_AUTOPID))
			return f;
		err = errno;
		drop(f);
	}
	snprintf(why, why_len, "conntrack: %s", strerror(err));
	return NULL;
}

int flow_read(struct flow *f, flow_fn *each, flow_done_fn *done, void *ctx)
{
	char buf[REQUEST];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	if (f->done)
		return -EBUSY;
	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++f->seq ? f->seq : ++f->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	/* Newer kernels (6.0) choose by this, which spares them and us the rest; older ones give all. */
	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_SEEN_REPLY));
	mnl_attr_put_u32(h, CTA_STATUS_MASK, htonl(IPS_SEEN_REPLY));
	if (mnl_socket_sendto(f->nl, h, h->nlmsg_len) < 0)
		return -errno;
	f->watch = watch_fd(f->loop, mnl_socket_get_fd(f->nl), WATCH_READ, ready, f);
	if (!f->watch)
		return -ENOMEM;
	f->each = each;
	f->done = done;
	f->ctx = ctx;
	return 0;
}

void flow_close(struct flow *f)
{
	if (!f)
		return;
	f->closed = true;
	f->done = NULL;
	watch_close(f->watch);
	f->watch = NULL;
	if (!f->in_cb)
		drop(f);
}

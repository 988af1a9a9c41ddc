/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/ipset.h"

#include <arpa/inet.h>
#include <errno.h>

/* What one message of a reply says: 1 more comes, 0 it is over, -errno. */
static int reply(const struct nlmsghdr *h, mnl_cb_t each, void *ctx)
{
	int err = 0;

	switch (h->nlmsg_type) {
	case NLMSG_NOOP:
		return 1;
	case NLMSG_ERROR:
	case NLMSG_DONE:
		if (mnl_nlmsg_get_payload_len(h) >= sizeof(err))
			memcpy(&err, mnl_nlmsg_get_payload(h), sizeof(err));
		return ipset_errno(err);
	default:
		if (each && each(h, ctx) < 0)
			return -EBADMSG;
		return 1;
	}
}

static ssize_t take(struct sink *s)
{
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(s->nl, s->in, sizeof(s->in));

		if (n >= 0 || errno != EINTR)
			return n < 0 ? -errno : n;
	}
}

int ipset_ask(struct sink *s, const struct nlmsghdr *h, mnl_cb_t each, void *ctx)
{
	const struct nlmsghdr *p;
	uint32_t seq = h->nlmsg_seq;
	int r = 1;

	if (mnl_socket_sendto(s->nl, h, h->nlmsg_len) < 0)
		return -errno;
	while (r > 0) {
		ssize_t n = take(s);
		int left = (int)n;

		if (n <= 0)
			return n == -EAGAIN ? -EIO : n ? (int)n : -EIO;
		for (p = (void *)s->in; r > 0 && mnl_nlmsg_ok(p, left); p = mnl_nlmsg_next(p, &left))
			if (p->nlmsg_seq == seq)
				r = reply(p, each, ctx);
	}
	return r;
}

void ipset_batch(struct sink *s, size_t len, uint32_t first, size_t n, int silent, int *errs)
{
	int sent = mnl_socket_sendto(s->nl, s->out, len) < 0 ? -errno : 0;
	ssize_t got;

	for (size_t i = 0; i < n; i++)
		errs[i] = sent ? sent : silent;
	if (sent)
		return;
	while ((got = take(s)) > 0) {
		int left = (int)got;

		for (const struct nlmsghdr *p = (void *)s->in; mnl_nlmsg_ok(p, left); p = mnl_nlmsg_next(p, &left)) {
			uint32_t i = p->nlmsg_seq - first;

			if (i < n && p->nlmsg_type == NLMSG_ERROR)
				errs[i] = reply(p, NULL, NULL);
		}
	}
	/* Answers were lost (ENOBUFS): what is not known to have been done counts as not done. */
	for (size_t i = 0; got != -EAGAIN && i < n; i++)
		if (errs[i] == silent)
			errs[i] = got < 0 ? (int)got : -EIO;
}

static int on_header(const struct nlmsghdr *h, void *ctx)
{
	ipset_read_header(h, ctx);
	return MNL_CB_OK;
}

int ipset_header(struct sink *s, const char *name, struct ipset_header *out)
{
	uint8_t buf[IPSET_MSG_ROOM];
	struct nlmsghdr *h = ipset_msg(buf, IPSET_CMD_LIST, NLM_F_ACK | NLM_F_DUMP, ++s->seq, name);

	memset(out, 0, sizeof(*out));
	ipset_msg_flags(h, IPSET_FLAG_LIST_HEADER);
	return ipset_ask(s, h, on_header, out);
}

int ipset_glance(struct sink *s, const char *name, struct ipset_header *out)
{
	uint8_t buf[IPSET_MSG_ROOM];

	memset(out, 0, sizeof(*out));
	return ipset_ask(s, ipset_msg(buf, IPSET_CMD_HEADER, NLM_F_ACK, ++s->seq, name), on_header, out);
}

struct wanted {
	const struct ipset_set *is;
	const uint8_t *key;
	struct ipset_element *out;
	bool found;
};

static void compare(void *ctx, const struct ipset_element *e)
{
	struct wanted *w = ctx;

	if (w->found || memcmp(e->key, w->key, shape_len(&w->is->set->shape)))
		return;
	*w->out = *e;
	w->found = true;
}

static int on_elements(const struct nlmsghdr *h, void *ctx)
{
	struct wanted *w = ctx;

	ipset_read_elements(h, w->is->type, &w->is->set->shape, compare, w);
	return MNL_CB_OK;
}

int ipset_find(struct sink *s, const struct ipset_set *is, const uint8_t *key, struct ipset_element *e)
{
	struct wanted w = { .is = is, .key = key, .out = e };
	uint8_t buf[IPSET_MSG_ROOM];
	struct nlmsghdr *h = ipset_msg(buf, IPSET_CMD_LIST, NLM_F_ACK | NLM_F_DUMP, ++s->seq, is->name);
	int err = ipset_ask(s, h, on_elements, &w);

	return err ? err : w.found ? 0 : -ENOENT;
}

int ipset_create(struct sink *s, const struct conf_export *c, enum export_family family, const char *name)
{
	const struct ipset_type *t = ipset_type_of(c->key);
	struct ipset_header type = { 0 };
	uint8_t buf[IPSET_MSG_ROOM];
	struct nlmsghdr *h = ipset_msg(buf, IPSET_CMD_TYPE, NLM_F_ACK, ++s->seq, NULL);
	int err;

	mnl_attr_put_strz(h, IPSET_ATTR_TYPENAME, t->name);
	mnl_attr_put_u8(h, IPSET_ATTR_FAMILY, family == EXPORT_V4 ? AF_INET : AF_INET6);
	err = ipset_ask(s, h, on_header, &type);
	if (err)
		return err;
	h = ipset_msg(buf, IPSET_CMD_CREATE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ++s->seq, name);
	ipset_msg_create(h, t, family, type.revision, (uint32_t)c->size);
	return ipset_ask(s, h, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kind = ipset: the kernel's older sets. They tell nobody of what others do to them: ipset_watch.c looks. */
#include "export/ipset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"

#define RECEIVE (1 << 20)

static void make_command(const struct sink_set *set, char *buf, size_t len)
{
	const char *name = set->conf->set[set->family].name;

	snprintf(buf, len, "ipset destroy %s && ipset create %s %s family %s timeout 0 comment maxelem %llu", name, name,
		 ipset_type_of(set->conf->key)->name,
		 set->family == EXPORT_V4 ? "inet" : "inet6", (unsigned long long)set->conf->size);
}

int ipset_fit(const struct sink_set *set, const struct ipset_header *h, char *why, size_t why_len)
{
	const char *name = set->conf->set[set->family].name, *what = NULL;
	char command[256];

	if (!ipset_type_named(h->type))
		what = h->type;
	else if (h->family != (set->family == EXPORT_V4 ? AF_INET : AF_INET6))
		what = "of the other family";
	else if (!h->timeout)
		what = "without timeout";
	else if (h->netmask)
		what = "with a netmask";
	else if (h->forceadd)
		what = "with forceadd, which throws elements out when it is full";
	if (!what)
		return 0;
	make_command(set, command, sizeof(command));
	snprintf(why, why_len, "ipset %s is %s; make one that fits: %s", name, what, command);
	return -EINVAL;
}

bool ipset_ours(const struct ipset_set *is, const struct ipset_element *e)
{
	const struct keep_entry *k = keep_find(&is->keep, e->key);

	/* Without comments nothing in the set says whose it is: what this process wrote is known, no more. */
	if (is->comment)
		return !strncmp(e->comment, IPSET_MARK, strlen(IPSET_MARK));
	return k && !(k->mark & IPSET_FOREIGN);
}

void ipset_tell(const struct ipset_element *e, bool ours, struct sink_element *out)
{
	size_t mark = strlen(IPSET_MARK);

	*out = (struct sink_element){
		.key = e->key, .left_ms = e->left_ms, .ours = ours,
		.name = strncmp(e->comment, IPSET_MARK, mark) ? e->comment : e->comment + mark,
	};
}

void ipset_come(struct sink *s, struct ipset_set *is, const struct ipset_header *h)
{
	struct sink_set *set = is->set;

	is->type = ipset_type_named(h->type);
	is->comment = h->comment;
	set->shape = is->type->shape;
	set->shape.family = set->family == EXPORT_V4 ? 4 : 16;
	keep_free(&is->keep);
	keep_init(&is->keep, shape_len(&set->shape));
	is->cursor = 0;
	set->present = true;
	s->ev->present(s->ctx, set);
	if (ipset_dump(s, is))
		s->ev->dumped(s->ctx, set, -EIO);
}

static struct mnl_socket *open_socket(int *err)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int room = RECEIVE, on = 1;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID)) {
		*err = errno;
		if (nl)
			mnl_socket_close(nl);
		return NULL;
	}
	/* Answers without the question in them. Neither is worth failing for. */
	mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return nl;
}

static void ipset_free(struct sink *s)
{
	while (s->sets) {
		struct ipset_set *is = s->sets;

		s->sets = is->next;
		keep_free(&is->keep);
		free(is);
	}
	if (s->nl)
		mnl_socket_close(s->nl);
	if (s->dump_nl)
		mnl_socket_close(s->dump_nl);
	free(s);
}

static struct sink *ipset_open(struct loop *l, const struct sink_events *ev, void *ctx, const struct conf_export *c,
			       char *why, size_t why_len)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err = ENOMEM;

	if (s) {
		s->loop = l;
		s->ev = ev;
		s->ctx = ctx;
		s->nl = open_socket(&err);
		s->dump_nl = s->nl ? open_socket(&err) : NULL;
		if (s->dump_nl) {
			ipset_watch_init(s);
			return s;
		}
		ipset_free(s);
	}
	snprintf(why, why_len, "netlink: %s", strerror(err));
	return NULL;
}

static void ipset_close(struct sink *s)
{
	ipset_watch_close(s);
	ipset_free(s);
}

/* Is it there (or can it be made), and fit? Then it comes. */
static int look_for(struct sink *s, struct ipset_set *is, char *why, size_t why_len)
{
	struct ipset_header h;
	int err = ipset_header(s, is->name, &h);

	if (err == -ENOENT && is->set->conf->create) {
		err = ipset_create(s, is->set->conf, is->set->family, is->name);
		if (err && err != -EEXIST) {
			snprintf(why, why_len, "ipset %s cannot be made (%s): %s", is->name,
				 ipset_type_of(is->set->conf->key)->name, strerror(-err));
			return err;
		}
		log_info("ipset %s: made", is->name);
		err = ipset_header(s, is->name, &h);
	}
	if (!err)
		err = ipset_fit(is->set, &h, why, why_len);
	if (err) {
		if (err != -EINVAL)
			snprintf(why, why_len, "ipset %s: %s", is->name, strerror(-err));
		return err;
	}
	ipset_come(s, is, &h);
	return 0;
}

static int ipset_add(struct sink *s, struct sink_set *set, char *why, size_t why_len)
{
	const char *name = set->conf->set[set->family].name;
	struct ipset_set *is;

	if (strlen(name) >= sizeof(is->name)) {
		snprintf(why, why_len, "ipset %s: the name is longer than %zu", name, sizeof(is->name) - 1);
		return -EINVAL;
	}
	is = calloc(1, sizeof(*is));
	if (!is) {
		snprintf(why, why_len, "no memory");
		return -ENOMEM;
	}
	is->set = set;
	strcpy(is->name, name);
	set->priv = is;
	set->present = false;
	set->shape = shape_of_conf(set->conf->key, set->family);
	snprintf(set->what, sizeof(set->what), "%s", name);
	/* Whatever is wrong with it may be put right: it is looked for again by `probe`, until `remove`. */
	is->next = s->sets;
	s->sets = is;
	return look_for(s, is, why, why_len);
}

static void ipset_remove(struct sink *s, struct sink_set *set)
{
	struct ipset_set *is = set->priv;

	if (!is)
		return;
	ipset_dump_forget(s, is);
	for (struct ipset_set **p = &s->sets; *p; p = &(*p)->next) {
		if (*p == is) {
			*p = is->next;
			break;
		}
	}
	keep_free(&is->keep);
	free(is);
	set->priv = NULL;
	set->present = false;
}

/*
 * A set that was made anew meanwhile, of another type, would take an address without its port: looked at before each
 * batch, which costs a microsecond.
 */
static void look_at_sets(struct sink *s, struct sink_op **ops, size_t n)
{
	for (struct ipset_set *is = s->sets; is; is = is->next)
		is->asked = false;
	for (size_t i = 0; i < n; i++) {
		struct ipset_set *is = ops[i]->set->priv;
		struct ipset_header h;

		if (!is || is->asked)
			continue;
		is->asked = true;
		is->fit = ops[i]->set->present ? ipset_glance(s, is->name, &h) : -ENOENT;
		if (!is->fit && (strcmp(h.type, is->type->name) ||
				 h.family != (is->set->family == EXPORT_V4 ? AF_INET : AF_INET6)))
			is->fit = -EINVAL;
	}
}

/* One message for the op. -EALREADY: there is nothing to do. */
static int write_op(struct sink *s, const struct sink_op *op, uint32_t seq, size_t *len)
{
	struct ipset_set *is = op->set->priv;
	bool deletes = op->what == SINK_DELETE, foreign = op->foreign && op->what == SINK_RENEW;
	struct ipset_element e;
	struct nlmsghdr *h;
	int err;

	if (!is || is->fit)
		return is ? is->fit : -ENOENT;
	if (!deletes && op->ms / 1000 >= IPSET_SECONDS_MAX)
		return -ERANGE;
	if (foreign) {
		/* Its time is only ever added to, and all else that it bears goes with it. */
		err = ipset_find(s, is, op->key, &e);
		if (err)
			return err;
		if (e.left_ms >= op->ms)
			return -EALREADY;
	}
	/* Without EXCL an ADD moves the time of what is there, and a DEL does not mind that nothing is. */
	h = ipset_msg(s->out + *len, deletes ? IPSET_CMD_DEL : IPSET_CMD_ADD,
		      (uint16_t)(NLM_F_ACK | (op->what == SINK_ADD ? NLM_F_EXCL : 0)), seq, is->name);
	ipset_msg_element(h, is->type, &op->set->shape, op->key, deletes ? 0 : op->ms,
			  is->comment && !deletes && !foreign ? op->name : NULL, foreign ? &e : NULL);
	*len += MNL_ALIGN(h->nlmsg_len);
	return 0;
}

static void written(struct sink *s, struct sink_op *op, int err)
{
	struct ipset_set *is = op->set->priv;

	if (is && !err && op->what == SINK_DELETE) {
		ipset_unknow(s, is, op->key);
	} else if (is && !err) {
		ipset_know(s, is, op->key, op->ms, op->foreign && op->what == SINK_RENEW ? IPSET_FOREIGN : 0);
	} else if (is && op->set->present && (err == -ENOENT || err == -EINVAL)) {
		is->fit = err;
		ipset_watch_arm(s, true);
	}
	op->err = err == -EALREADY ? 0 : err;
}

static void ipset_submit(struct sink *s, struct sink_op **ops, size_t n)
{
	look_at_sets(s, ops, n);
	for (size_t done = 0, part; done < n; done += part) {
		int errs[IPSET_BATCH], said[IPSET_BATCH];
		uint32_t first = s->seq + 1;
		size_t len = 0;

		part = MIN(n - done, (size_t)IPSET_BATCH);
		s->seq += (uint32_t)part;
		for (size_t i = 0; i < part; i++)
			errs[i] = len + IPSET_MSG_ROOM > sizeof(s->out) ? -ENOBUFS :
				  write_op(s, ops[done + i], first + (uint32_t)i, &len);
		if (len)
			ipset_batch(s, len, first, part, -EIO, said);
		for (size_t i = 0; i < part; i++)
			written(s, ops[done + i], errs[i] ? errs[i] : said[i]);
	}
	ipset_watch_arm(s, false);
	/* Told last: what it sets off may write the next batch. */
	for (size_t i = 0; i < n; i++)
		s->ev->done(s->ctx, ops[i]);
}

static int ipset_probe(struct sink *s, struct sink_set *set)
{
	struct ipset_set *is = set->priv;
	struct ipset_header h;
	char why[512];

	if (!is)
		return -ENOENT;
	if (!set->present)
		return look_for(s, is, why, sizeof(why));
	is->fit = ipset_glance(s, is->name, &h);
	if (is->fit)
		ipset_watch_arm(s, true);
	return is->fit;
}

static int ipset_get(struct sink *s, struct sink_set *set, const uint8_t *key, struct sink_element *out)
{
	static struct ipset_element e;
	struct ipset_set *is = set->priv;
	int err = is && set->present ? ipset_find(s, is, key, &e) : -ENOENT;
	bool ours;

	if (err)
		return err;
	ours = ipset_ours(is, &e);
	ipset_know(s, is, key, e.left_ms, ours ? 0 : IPSET_FOREIGN);
	ipset_tell(&e, ours, out);
	return 0;
}

static int ipset_compare(struct sink *s, struct sink_set *set)
{
	struct ipset_set *is = set->priv;

	return is && set->present ? ipset_dump(s, is) : -ENOENT;
}

const struct sink_kind sink_ipset = {
	.name = "ipset", .open = ipset_open, .close = ipset_close, .add = ipset_add, .remove = ipset_remove,
	.submit = ipset_submit, .poll = ipset_poll, .probe = ipset_probe, .get = ipset_get, .dump = ipset_compare,
	.reads = true,
};

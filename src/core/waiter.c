/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/waiter.h"

#include <stdlib.h>

struct waiter *waiter_new(const struct request *r, uint64_t now_us)
{
	struct waiter *wt = malloc(sizeof(*wt));

	if (!wt)
		return NULL;
	*wt = (struct waiter){
		.client = r->client, .udp = r->udp, .conn = r->conn, .limit = r->limit, .since_us = now_us, .q = r->q,
	};
	if (r->peer)
		wt->peer = *r->peer;
	memcpy(wt->msg, r->q.msg, WIRE_HEADER + r->q.question_len);
	wt->q.msg = wt->msg;
	return wt;
}

void waiter_reply(struct waiter *wt, const uint8_t *msg, size_t len, bool close)
{
	if (wt->conn && len)
		tcp_reply(wt->conn, msg, len);
	else if (wt->conn)
		tcp_drop(wt->conn, close);
	else if (len)
		udp_send(wt->udp, &wt->peer, msg, len);
	free(wt);
}

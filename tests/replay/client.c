/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "judge.h"
#include "reply.h"
#include "scene.h"

/* The clients' side of the script language. */

#define EDNS_SIZE 1232

static struct question *find(const char *label)
{
	for (struct question *q = scene.questions; q; q = q->next) {
		if (!strcmp(q->label, label))
			return q;
	}
	fake_fault("%s: nobody asked so", label);
	return NULL;
}

static struct question *question_new(const char *label)
{
	struct question *q = calloc(1, sizeof(*q)), **end = &scene.questions;

	if (!q)
		abort();
	snprintf(q->label, sizeof(q->label), "%s", label);
	q->limit = 512;
	while (*end)
		end = &(*end)->next;
	*end = q;
	return q;
}

static bool set_client(struct question *q, const char *text, struct endpoint *client)
{
	struct sockaddr_storage ss;

	if (addr_parse(&client->addr, text, strlen(text)) < 0) {
		fake_fault("%s is no address", text);
		return false;
	}
	q->client = client->addr;
	client->port = scene.next_port++;
	endpoint_to_sockaddr(client, &ss);
	memcpy(&q->peer.from, &ss, sizeof(q->peer.from));
	return true;
}

static struct connection *connect_as(const char *label, const struct endpoint *client)
{
	struct connection *c;

	for (c = scene.connections; c; c = c->next) {
		if (!strcmp(c->label, label))
			return c;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	snprintf(c->label, sizeof(c->label), "%s", label);
	c->conn = fake_tcp_connect(scene.worker->tcp[0], client);
	c->next = scene.connections;
	scene.connections = c;
	return c;
}

static void put_opt(struct wr *w, const char *size, const char *version, const char *option, unsigned flags)
{
	uint8_t data[512];
	int n = option ? hex_read(data, sizeof(data), option) : 0;

	wr_u8(w, 0);
	wr_u16(w, TYPE_OPT);
	wr_u16(w, size ? (uint16_t)atoi(size) : EDNS_SIZE);
	wr_u8(w, 0);
	wr_u8(w, version ? (uint8_t)atoi(version) : 0);
	wr_u16(w, (uint16_t)flags);
	wr_u16(w, (uint16_t)(n > 0 ? n : 0));
	if (n > 0)
		wr_bytes(w, data, (size_t)n);
	wire_count(w, 2);
}

static uint16_t number(const char *text, uint16_t otherwise)
{
	return text ? (uint16_t)strtoul(text, NULL, 0) : otherwise;
}

/* Name and type, in the spelling of the script. */
static bool put_question(struct wr *w, char *name, const char *type, const char *class)
{
	struct name n;
	uint16_t t;
	size_t len = strlen(name);

	if (name_from_text(&n, name, len) < 0 || type_parse(&t, type, strlen(type)) < 0) {
		fake_fault("%s %s: no name, or no type", name, type);
		return false;
	}
	/* the case as written; escapes have none */
	for (size_t i = 0, at = 1; !strchr(name, '\\') && i < len; i++, at++) {
		if (name[i] != '.')
			n.wire[at] = (uint8_t)name[i];
	}
	wr_bytes(w, n.wire, n.len);
	wr_u16(w, t);
	wr_u16(w, number(class, CLASS_IN));
	return true;
}

/* The message that the words describe, which are struck out. */
static bool compose(struct question *q, char **words, int *n)
{
	struct wr w = wr_init(q->msg, sizeof(q->msg));
	unsigned flags = command_flag(words, n, "nord") ? 0 : WIRE_RD;
	const char *id = command_value(words, n, "id"), *class = command_value(words, n, "class");
	const char *opcode = command_value(words, n, "opcode"), *size = command_value(words, n, "edns");
	const char *version = command_value(words, n, "version"), *option = command_value(words, n, "option");
	const char *z = command_value(words, n, "z");

	flags |= command_flag(words, n, "cd") ? WIRE_CD : 0;
	flags |= command_flag(words, n, "ad") ? WIRE_AD : 0;
	flags |= opcode ? (unsigned)atoi(opcode) << 11 : 0;
	wr_u16(&w, number(id, rand_u16()));
	wr_u16(&w, (uint16_t)flags);
	wr_u16(&w, 1);
	wr_u16(&w, 0);
	wr_u32(&w, 0);
	if (!put_question(&w, words[3], words[4], class))
		return false;
	q->dnssec_ok = command_flag(words, n, "do");
	if (!command_flag(words, n, "noedns")) {
		put_opt(&w, size, version, option, (q->dnssec_ok ? 0x8000u : 0) | number(z, 0));
		q->limit = size ? (size_t)atoi(size) : EDNS_SIZE;
		q->limit = q->limit < 512 ? 512 : q->limit > WIRE_UDP_SIZE ? WIRE_UDP_SIZE : q->limit;
	}
	q->len = wr_len(&w);
	return !w.bad;
}

static void send_question(struct question *q, const char *conn, const struct endpoint *client)
{
	struct connection *c;

	if (!conn) {
		fake_udp_ask(scene.worker->udp[0], &q->peer, q->msg, q->len);
		fake_turn(scene.worker->loop);
		return;
	}
	c = connect_as(conn, client);
	q->conn = c->conn;
	q->limit = WIRE_MAX;
	if (!c->conn || fake_tcp_closed(c->conn)) {
		if (!q->raw)
			fake_fault("%s: the connection is refused or closed", conn);
		return;
	}
	fake_tcp_ask(c->conn, q->msg, q->len);
	fake_turn(scene.worker->loop);
}

void client_ask(char **words, int n, const struct command *c)
{
	struct endpoint client;
	struct question *q;
	const char *conn;

	if (n < 5) {
		fake_fault("ASK LABEL CLIENT NAME TYPE ...");
		return;
	}
	q = question_new(words[1]);
	conn = command_value(words, &n, "tcp");
	if (set_client(q, words[2], &client) && compose(q, words, &n) && command_done(words, n, 5))
		send_question(q, conn, &client);
}

/* CROWD N NAME TYPE: so many clients ask, from 10.1.0.0 on; the script need not look at what they get. */
void client_crowd(char **words, int n, const struct command *c)
{
	int count = n == 4 ? atoi(words[1]) : 0;

	for (int i = 0; i < count; i++) {
		char label[16], client[ADDR_TEXT], *ask[] = { words[0], label, client, words[2], words[3] };

		snprintf(label, sizeof(label), "crowd%u", scene.next_port);
		snprintf(client, sizeof(client), "10.1.%d.%d", i / 256, i % 256);
		client_ask(ask, 5, c);
		find(label)->answered = true;
	}
}

/* RAW LABEL CLIENT [tcp CONN], the bytes in hex below: of any kind, so their reply is held to less. */
void client_raw(char **words, int n, const struct command *c)
{
	const char *conn = command_value(words, &n, "tcp");
	struct endpoint client;
	struct question *q;

	if (n < 3 || !command_done(words, n, 3))
		return;
	q = question_new(words[1]);
	q->raw = true;
	q->limit = WIRE_UDP_SIZE;
	for (size_t i = 0; i < c->n_block; i++) {
		char line[LINE_MAX_LEN];
		int more = -1;

		if (vars_expand(line, c->block[i]))
			more = hex_read(q->msg + q->len, sizeof(q->msg) - q->len, line);
		if (more < 0) {
			fake_fault("%s: no hex digits", c->block[i]);
			return;
		}
		q->len += (size_t)more;
	}
	if (set_client(q, words[2], &client))
		send_question(q, conn, &client);
}

static void got(struct question *q, const uint8_t *msg, size_t len)
{
	struct asked a = { q->msg, q->len, q->conn, q->raw, q->limit, msg, len };

	if (q->reply) {
		fake_fault("%s: a second reply", q->label);
		return;
	}
	q->reply = malloc(len);
	if (!q->reply)
		abort();
	memcpy(q->reply, msg, len);
	q->reply_len = len;
	judge_always(&a);
	agent_judge(&q->client, msg, len);
}

void fake_got_udp(const struct udp_peer *peer, const uint8_t *msg, size_t len)
{
	for (struct question *q = scene.questions; q; q = q->next) {
		if (!q->conn && !memcmp(&q->peer.from, &peer->from, sizeof(peer->from))) {
			got(q, msg, len);
			return;
		}
	}
	fake_fault("a datagram to nobody");
}

/* Of the questions on the connection, the one that has this id and no reply yet. */
void fake_got_tcp(struct tcp_conn *conn, const uint8_t *msg, size_t len)
{
	for (struct question *q = scene.questions; q; q = q->next) {
		if (q->conn == conn && !q->reply && len >= 2 && !memcmp(q->msg, msg, 2)) {
			got(q, msg, len);
			return;
		}
	}
	fake_fault("a reply over TCP to nobody");
}

void client_answer(char **words, int n, const struct command *c)
{
	struct question *q = n > 2 ? find(words[1]) : NULL;

	if (!q)
		return;
	if (!q->reply) {
		fake_fault("%s: no reply", q->label);
		return;
	}
	q->answered = true;
	judge_answer(&(struct asked){ q->msg, q->len, q->conn, q->raw, q->limit, q->reply, q->reply_len }, words + 2,
		     n - 2, c->block, c->n_block);
}

void client_nothing(char **words, int n, const struct command *c)
{
	for (int i = 1; i < n; i++) {
		struct question *q = find(words[i]);

		if (q && q->reply)
			fake_fault("%s: there is a reply", q->label);
	}
}

static struct connection *find_connection(const char *label)
{
	for (struct connection *c = scene.connections; c; c = c->next) {
		if (!strcmp(c->label, label))
			return c;
	}
	fake_fault("%s: no such connection", label);
	return NULL;
}

/* CLOSED CONN, or OPEN CONN. */
void client_closed(char **words, int n, const struct command *c)
{
	struct connection *k = n == 2 ? find_connection(words[1]) : NULL;
	bool want = words[0][0] == 'C';

	if (k && (!k->conn || fake_tcp_closed(k->conn)) != want)
		fake_fault("%s: is %s", k->label, want ? "open" : "closed");
}

void client_hangup(char **words, int n, const struct command *c)
{
	struct connection *k = n == 2 ? find_connection(words[1]) : NULL;

	if (!k || !k->conn)
		return;
	for (struct question *q = scene.questions; q; q = q->next) {
		if (q->conn == k->conn)
			q->conn = NULL;
	}
	fake_tcp_hangup(k->conn);
	k->conn = NULL;
}

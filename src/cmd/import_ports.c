/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define LOWEST 10			/* what is below is a version ("HTTP/2"), not a port */

enum { TCP = 1, UDP = 2 };

/* What a word says. */
enum meaning {
	SAYS_NOTHING, SAYS_TCP, SAYS_UDP, SAYS_HTTP, SAYS_TLS, SAYS_NTP, SAYS_DNS, SAYS_DNS_TYPE,
};

static const struct {
	const char *word;
	enum meaning meaning;
} words[] = {
	{ "tcp", SAYS_TCP }, { "udp", SAYS_UDP }, { "quic", SAYS_UDP },
	{ "http", SAYS_HTTP }, { "https", SAYS_TLS }, { "tls", SAYS_TLS }, { "tlsv", SAYS_TLS }, { "ssl", SAYS_TLS },
	{ "ntp", SAYS_NTP }, { "sntp", SAYS_NTP }, { "dns", SAYS_DNS },
	{ "a", SAYS_DNS_TYPE }, { "aaaa", SAYS_DNS_TYPE }, { "cname", SAYS_DNS_TYPE }, { "srv", SAYS_DNS_TYPE },
	{ "txt", SAYS_DNS_TYPE },
	{ "port", SAYS_NOTHING }, { "ports", SAYS_NOTHING }, { "and", SAYS_NOTHING }, { "or", SAYS_NOTHING },
	{ "outbound", SAYS_NOTHING }, { "mqtt", SAYS_NOTHING }, { "xmpp", SAYS_NOTHING }, { "amqp", SAYS_NOTHING },
	{ "amqps", SAYS_NOTHING }, { "wss", SAYS_NOTHING }, { "ftp", SAYS_NOTHING }, { "ssh", SAYS_NOTHING },
	{ "kms", SAYS_NOTHING }, { "websocket", SAYS_NOTHING }, { "websockets", SAYS_NOTHING },
};

struct cell {
	struct import_ports *ports;
	const char *why;
	unsigned transport;		/* of the numbers to come */
	bool transport_last;		/* the word before was a transport: "TCP/UDP" is both */
	bool begun;			/* the clause has had its first number or transport */
	bool after;			/* which was a number: transports stand behind, as in "443/tcp, 123/udp" */
	bool given;			/* the waiting ones have their transport */
	bool http, tls, ntp, udp, dns;	/* named anywhere */
	unsigned numbers, waiting_n;
	uint16_t waiting[IMPORT_PORTS];
};

static void add(struct cell *c, unsigned proto, unsigned number)
{
	struct conf_port p = { (uint8_t)proto, (uint16_t)number };

	for (unsigned i = 0; i < c->ports->n; i++)
		if (c->ports->v[i].proto == p.proto && c->ports->v[i].port == p.port)
			return;
	if (c->ports->n == IMPORT_PORTS)
		c->why = "more than 16 ports";
	else
		c->ports->v[c->ports->n++] = p;
}

static void add_for(struct cell *c, unsigned transport, unsigned number)
{
	if (transport & TCP)
		add(c, IPPROTO_TCP, number);
	if (transport & UDP)
		add(c, IPPROTO_UDP, number);
}

static void end_clause(struct cell *c)
{
	for (unsigned i = 0; i < c->waiting_n && !c->given; i++)
		add(c, IPPROTO_TCP, c->waiting[i]);
	c->waiting_n = 0;
	c->transport = TCP;
	c->begun = c->after = c->given = c->transport_last = false;
}

static void on_number(struct cell *c, unsigned number)
{
	if (!c->begun)
		c->after = c->begun = true;
	c->numbers++;
	if (!c->after) {
		add_for(c, c->transport, number);
		return;
	}
	if (c->given)
		c->waiting_n = 0;
	c->given = false;
	if (c->waiting_n == IMPORT_PORTS)
		c->why = "more than 16 ports";
	else
		c->waiting[c->waiting_n++] = (uint16_t)number;
}

static void on_transport(struct cell *c, unsigned transport)
{
	c->begun = true;
	c->transport = c->transport_last ? c->transport | transport : transport;
	if (!c->after)
		return;
	c->given = true;
	for (unsigned i = 0; i < c->waiting_n; i++)
		add_for(c, transport, c->waiting[i]);
}

static void on_word(struct cell *c, const char *word, size_t len)
{
	enum meaning m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == len && !strncasecmp(words[i].word, word, len))
			break;
	if (i == ARRAY_SIZE(words)) {
		c->why = "expected protocols, ports or both";
		return;
	}
	m = words[i].meaning;
	if (m == SAYS_TCP || m == SAYS_UDP)
		on_transport(c, m == SAYS_TCP ? TCP : UDP);
	else if (m == SAYS_NTP)
		on_transport(c, UDP);
	else if ((m == SAYS_HTTP || m == SAYS_TLS) && !c->transport_last)
		c->transport = TCP;
	else if (m == SAYS_DNS_TYPE && !c->dns)
		c->why = "expected protocols, ports or both";
	c->http |= m == SAYS_HTTP;
	c->tls |= m == SAYS_TLS;
	c->ntp |= m == SAYS_NTP;
	c->udp |= m == SAYS_UDP;
	c->dns |= m == SAYS_DNS;
	/* "TCP ports 80" and "TCP and UDP 53": what says nothing parts nothing. */
	if (m != SAYS_NOTHING)
		c->transport_last = m == SAYS_TCP || m == SAYS_UDP;
}

/* Decimal digits; a value over any port where there are too many. */
static size_t number(const char *s, unsigned *value)
{
	size_t n = 0;

	for (*value = 0; s[n] >= '0' && s[n] <= '9'; n++)
		*value = *value > UINT16_MAX ? *value : *value * 10 + (unsigned)(s[n] - '0');
	return n;
}

/* "1.2", "v1.2", "1.2+" behind TLS, "1.1" behind HTTP: its length, 0 where there is none. */
static size_t version(const char *s)
{
	size_t n = *s == 'v' || *s == 'V', digits = strspn(s + n, "0123456789");

	if (digits != 1 || s[n + 1] != '.')
		return 0;
	n += 2;
	digits = strspn(s + n, "0123456789");
	n += digits;
	return digits ? n + (s[n] == '+') : 0;
}

/* A hyphen, or one of the dashes that typesetting makes of it. */
static size_t dash(const char *s)
{
	return *s == '-' ? 1 : !strncmp(s, "\xe2\x80\x93", 3) || !strncmp(s, "\xe2\x80\x94", 3) ? 3 : 0;
}

static size_t on_digits(struct cell *c, const char *s)
{
	size_t n, d, len = version(s);
	unsigned from, to;

	if (len)
		return len;
	n = number(s, &from);
	d = dash(s + n);
	to = from;
	if (d)
		n += d + number(s + n + d, &to);
	if (from < LOWEST || to < from || to > UINT16_MAX) {
		c->why = "a number that is no port";
		return n;
	}
	if (to - from >= IMPORT_PORTS) {
		c->why = "more than 16 ports";
		return n;
	}
	while (from <= to && !c->why)
		on_number(c, from++);
	c->transport_last = false;
	return n;
}

static size_t next(struct cell *c, const char *s)
{
	size_t n;

	if (*s >= '0' && *s <= '9')
		return on_digits(c, s);
	n = 0;
	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z'))
		n++;
	/* The 'v' of "TLS v1.2" is no word. */
	if (n == 1 && version(s))
		return version(s);
	if (n) {
		on_word(c, s, n);
		return n;
	}
	if (*s == ';')
		end_clause(c);
	else if (!strchr(" \t,/\\():&+|", *s))
		c->why = "expected protocols, ports or both";
	return 1;
}

/* No numbers: the protocols' own. */
static void by_name(struct cell *c)
{
	if (c->udp && !c->ntp)
		c->why = "a transport without a port";
	if (c->http)
		add(c, IPPROTO_TCP, 80);
	if (c->tls)
		add(c, IPPROTO_TCP, 443);
	if (c->ntp)
		add(c, IPPROTO_UDP, 123);
}

static bool says_none(const char *cell)
{
	static const char *const none[] = { "", "-", "\xe2\x80\x93", "\xe2\x80\x94", "n/a" };
	size_t len = strlen(cell);

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (len == strlen(none[i]) && !strcasecmp(cell, none[i]))
			return true;
	return false;
}

static bool has_tcp(const struct import_ports *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->v[i].proto == IPPROTO_TCP)
			return true;
	return false;
}

bool import_ports_in_url(const char *cell)
{
	return !strcasecmp(cell, "as in URL");
}

int import_ports_read(struct import_ports *ports, const char *cell, const char **why)
{
	struct cell c = { .ports = ports, .transport = TCP };

	ports->n = 0;
	if (says_none(cell) || import_ports_in_url(cell))
		return 0;
	for (const char *s = cell; *s && !c.why;)
		s += next(&c, s);
	if (!c.why)
		end_clause(&c);
	if (!c.why && !c.numbers)
		by_name(&c);
	/* Which of the protocols a number is for would be a guess. */
	if (!c.why && c.numbers == 1 && c.http && c.tls)
		c.why = "one port for two protocols";
	if (!c.why && c.numbers && (c.http || c.tls) && !has_tcp(ports))
		c.why = "a protocol without its port";
	if (!c.why && !ports->n && !c.dns)
		c.why = "a transport without a port";
	*why = c.why;
	return c.why ? -EINVAL : 0;
}

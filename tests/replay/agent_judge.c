/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ldns/ldns.h>
#include <stdlib.h>

#include "command.h"
#include "dns/svcb.h"
#include "scene.h"

/* I1, held to in every reply: nothing leaves that the agent has not confirmed for as long. */

/* UNHELD ADDR…: may be given without having been confirmed. */
void agent_unheld(char **words, int n, const struct command *c)
{
	for (int i = 1; i < n && scene.n_unheld < 64; i++) {
		if (addr_parse(&scene.unheld[scene.n_unheld++], words[i], strlen(words[i])) < 0)
			fake_fault("%s is no address", words[i]);
	}
}

static bool unheld(const struct addr *a)
{
	for (size_t i = 0; i < scene.n_unheld; i++) {
		if (addr_equal(&scene.unheld[i], a))
			return true;
	}
	return false;
}

static void judge_addr(const struct addr *client, const struct addr *a, uint32_t ttl)
{
	uint64_t need = loop_now(scene.worker->loop).mono_us + ttl * CLOCK_S;
	char text[ADDR_TEXT];

	if (unheld(a))
		return;
	for (const struct confirmed *c = scene.confirmed; c; c = c->next) {
		if (addr_equal(&c->addr, a) && (!c->client.len || addr_equal(&c->client, client)) &&
		    c->epoch == atomic_load(&scene.page.epoch) && c->until_us >= need)
			return;
	}
	fake_fault("%s was given for %u s, and is not open for so long", addr_text(a, text), ttl);
}

static void judge_hints(const struct addr *client, const uint8_t *rdata, size_t len, uint32_t ttl)
{
	struct svcb s;
	struct addr a;

	if (svcb_parse(&s, rdata, 0, len) < 0)
		return;
	for (size_t i = 0; i + 4 <= s.hint4_len; i += 4) {
		a = addr_v4(s.hint4 + i);
		judge_addr(client, &a, ttl);
	}
	for (size_t i = 0; i + 16 <= s.hint6_len; i += 16) {
		a = addr_v6(s.hint6 + i);
		judge_addr(client, &a, ttl);
	}
}

/* Of one record; the longest TTL in the answer is what its addresses may be remembered for. */
static void judge_rr(const struct addr *client, const ldns_rr *rr, uint32_t ttl)
{
	uint8_t *wire = NULL;
	struct addr a;
	size_t len = 0;

	switch (ldns_rr_get_type(rr)) {
	case LDNS_RR_TYPE_A:
	case LDNS_RR_TYPE_AAAA:
		a = ldns_rr_get_type(rr) == LDNS_RR_TYPE_A ? addr_v4(ldns_rdf_data(ldns_rr_rdf(rr, 0)))
							   : addr_v6(ldns_rdf_data(ldns_rr_rdf(rr, 0)));
		judge_addr(client, &a, ttl);
		break;
	case LDNS_RR_TYPE_HTTPS:
	case LDNS_RR_TYPE_SVCB:
		if (ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &len) != LDNS_STATUS_OK)
			abort();
		judge_hints(client, wire + ldns_rdf_size(ldns_rr_owner(rr)) + 10,
			    len - ldns_rdf_size(ldns_rr_owner(rr)) - 10, ttl);
		free(wire);
		break;
	default:
		break;
	}
}

void agent_judge(const struct addr *client, const uint8_t *msg, size_t len)
{
	ldns_pkt *p = NULL;
	uint32_t ttl = 0;

	if (!scene.snapshot || !snapshot_profile(scene.snapshot, client)->exports ||
	    ldns_wire2pkt(&p, msg, len) != LDNS_STATUS_OK)
		return;
	for (size_t i = 0; i < ldns_pkt_ancount(p); i++) {
		uint32_t one = ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(p), i));

		ttl = one > ttl ? one : ttl;
	}
	for (size_t i = 0; i < ldns_pkt_ancount(p); i++)
		judge_rr(client, ldns_rr_list_rr(ldns_pkt_answer(p), i), ttl);
	ldns_pkt_free(p);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_REPLY_TEXT_H
#define TESTS_UNIT_REPLY_TEXT_H

/* A reply as text, read by ldns: "RCODE[ TC]\n", then a line for each record, those of the authority behind "ns ". */

#include <ldns/ldns.h>

#include "snap_util.h"

static inline void reply_text_list(FILE *f, const char *before, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *line = ldns_rr2str(ldns_rr_list_rr(list, i));

		assert_non_null(line);
		for (char *p = line; *p; p++)
			if (*p == '\t')
				*p = ' ';
		fprintf(f, "%s%s", before, line);
		free(line);
	}
}

/* The caller frees. */
static inline char *reply_text(const uint8_t *msg, size_t len)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	ldns_pkt *p = NULL;

	assert_non_null(f);
	assert_int_equal(ldns_wire2pkt(&p, msg, len), LDNS_STATUS_OK);
	fprintf(f, "%s%s\n", rcode_text(ldns_pkt_get_rcode(p)), ldns_pkt_tc(p) ? " TC" : "");
	reply_text_list(f, "", ldns_pkt_answer(p));
	reply_text_list(f, "ns ", ldns_pkt_authority(p));
	reply_text_list(f, "ar ", ldns_pkt_additional(p));
	fclose(f);
	assert_true(ldns_pkt_qr(p) && ldns_pkt_ra(p) && !ldns_pkt_aa(p));
	ldns_pkt_free(p);
	return text;
}

static inline void reply_expect(const uint8_t *msg, size_t len, const char *want)
{
	char *got = reply_text(msg, len);

	assert_string_equal(got, want);
	free(got);
}

#endif

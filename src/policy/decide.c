/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/decide.h"

#include "base/util.h"

const char *reason_text(enum reason r)
{
	static const char *const text[] = {
		[REASON_LISTED] = "listed", [REASON_RECORD] = "record", [REASON_FORWARD] = "forward",
		[REASON_SPECIAL] = "special", [REASON_LEARNED] = "learned", [REASON_UNLISTED] = "unlisted",
		[REASON_CHAIN_ONLY] = "chain-only", [REASON_TYPE] = "type", [REASON_CLIENT] = "client",
		[REASON_CHAIN] = "chain", [REASON_FILTERED] = "filtered",
		[REASON_FAILED] = "failed", [REASON_EXPORT] = "export",
	};

	return text[r];
}

bool decide_type_ok(const struct snapshot *s, const struct profile *p, const struct attrs *attrs, uint16_t qtype)
{
	uint64_t allowed = p->types | attrs->types;

	if (qtype == TYPE_AAAA && !p->aaaa)
		return false;
	for (size_t i = 0; i < s->catalog->n_types; i++) {
		if (s->catalog->types[i] == qtype)
			return allowed >> i & 1;
	}
	return false;
}

/*
 * Records and forward zones: what the catalogue says of the name is wanted for
 * its ports, and decides where the profile has `local = no`.
 */
static bool decide_local(const struct snapshot *s, const struct profile *p, const struct name *qname, uint16_t qtype,
			 struct verdict *v)
{
	const struct record_set *set = records_find(s->records, qname);
	uint32_t forward = set ? NAMETAB_NONE : nametab_find_above(s->forwards, qname);
	struct match m;

	if (!set && forward == NAMETAB_NONE)
		return false;
	catalog_find(s->catalog, &p->choice, qname, &m);
	if (m.allow == ENTRY_NONE && !p->local)
		return false;
	if (m.allow != ENTRY_NONE)
		v->attrs = m.attrs;
	else if (!set)
		v->attrs = s->forward_attrs[forward];
	v->entry = m.allow;
	v->record = set;
	v->kind = set ? VERDICT_RECORD : VERDICT_UPSTREAM;
	v->reason = set ? REASON_RECORD : REASON_FORWARD;
	v->upstream = set ? 0 : (uint16_t)(forward + 1);
	if (qtype == TYPE_AAAA && !p->aaaa) {
		v->kind = VERDICT_NODATA;
		v->reason = REASON_TYPE;
	}
	return true;
}

static bool decide_special(const struct special *sp, struct verdict *v)
{
	if (!sp)
		return false;
	v->kind = VERDICT_SPECIAL;
	v->reason = REASON_SPECIAL;
	v->special = sp;
	return true;
}

void decide(const struct snapshot *s, const struct profile *p, const struct name *qname, uint16_t qtype,
	    struct verdict *v)
{
	struct match m;

	*v = (struct verdict){ .entry = ENTRY_NONE };
	if (decide_local(s, p, qname, qtype, v) || decide_special(special_find(s->specials, qname), v))
		return;
	catalog_find(s->catalog, &p->choice, qname, &m);
	v->attrs = m.attrs;
	if (m.allow != ENTRY_NONE) {
		bool ok = decide_type_ok(s, p, &m.attrs, qtype);

		v->entry = m.allow;
		v->kind = ok ? VERDICT_UPSTREAM : VERDICT_NODATA;
		v->reason = ok ? REASON_LISTED : REASON_TYPE;
		return;
	}
	if (m.chain == ENTRY_NONE && decide_special(special_canary(s->specials, qname), v))
		return;
	v->kind = VERDICT_BLOCK;
	v->entry = m.chain;
	v->reason = m.chain == ENTRY_NONE ? REASON_UNLISTED : REASON_CHAIN_ONLY;
}

bool decide_target(const struct snapshot *s, const struct profile *p, const struct verdict *v,
		   const struct name *target, uint32_t *entry)
{
	struct match m;

	catalog_find(s->catalog, &p->choice, target, &m);
	*entry = m.allow != ENTRY_NONE ? m.allow : m.chain;
	if (*entry != ENTRY_NONE)
		return true;
	return v->upstream && nametab_find_above(s->forwards, target) != NAMETAB_NONE;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_LEARNED_H
#define STATE_LEARNED_H

/*
 * Names that allowed answers led to, which their profile may then ask for
 * itself (SPEC 3). One bounded table for all workers: written on the miss path
 * under a lock, read without. A name is found by a keyed 128-bit hash, so that
 * a reader touches one cache line and no text.
 */

#include "policy/decide.h"

#define LEARNED_MAX_S 86400

struct learned;

/* Room for `slots` names (a power of two); memory is touched only as it fills. NULL without memory. */
struct learned *learned_new(size_t slots);
void learned_free(struct learned *l);

/*
 * The name was led to by an answer to `opener`, which opens attrs. It may be
 * asked for until `until` (boot_ms), or longer where it already may be. Where the opener was
 * itself a learned name (`inherited`), what opened that counts, and its end: asking prolongs nothing.
 */
void learned_add(struct learned *l, const struct profile *p, const struct name *name, const struct name *opener,
		 bool inherited, const struct attrs *attrs, uint64_t now_ms, uint64_t until_ms);
/* Whether the name may be asked for now; then what it opens, and until when. Any thread, no lock, no memory. (I4) */
bool learned_find(const struct learned *l, const struct profile *p, const struct name *name, uint64_t now_ms,
		  struct attrs *attrs, uint64_t *until_ms);
/*
 * After a reload: forgets what the new snapshot's catalogue would not have let
 * through, and brings up to date what the rest opens. Workers may still be at the old
 * snapshot: a name that vanished may be found gone a moment early, never a moment late.
 */
void learned_revise(struct learned *l, const struct snapshot *s, uint64_t now_ms);
/* Forgets the name, and what answers to it led to. NULL: all. */
void learned_forget(struct learned *l, const struct name *opener);
size_t learned_count(struct learned *l, uint64_t now_ms);

#endif

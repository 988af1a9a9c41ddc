/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/stats.h"

const struct stat_info stat_info[STAT_COUNT] = {
	[STAT_UDP] = { "udp", "questions over UDP" },
	[STAT_TCP] = { "tcp", "questions over TCP" },
	[STAT_FOREIGN_CLIENT] = { "foreign-client", "questions and connections from outside `clients`" },
	[STAT_MALFORMED] = { "malformed", "questions that are no DNS question, or of an unknown version" },
	[STAT_REFUSED] = { "refused", "classes, opcodes and types that are not served" },
	[STAT_LOCAL] = { "local", "answered from records and special names" },
	[STAT_CACHED] = { "cached", "answered from the cache" },
	[STAT_STALE] = { "stale", "answered from the cache past its time" },
	[STAT_RESOLVED] = { "resolved", "answered after asking upstream" },
	[STAT_NODATA] = { "nodata", "types that the name may not be asked for" },
	[STAT_BLOCKED] = { "blocked", "names that no entry has" },
	[STAT_BLOCKED_CHAIN] = { "blocked-chain", "names whose chain left the catalogue" },
	[STAT_AUDITED] = { "audited", "let through by audit mode only" },
	[STAT_FAILED] = { "failed", "SERVFAIL: no upstream gave a usable answer" },
	[STAT_SHED] = { "shed", "refused because too many questions were waiting" },
	[STAT_JOINED] = { "joined", "questions that joined the same one in flight" },
	[STAT_HELD] = { "held", "answers that waited until the firewall had taken their addresses" },
	[STAT_WARM_RENEWED] = { "warm-renewed", "of these out of the cache, whose lease was short or is another client's" },
	[STAT_HOLD_FAILED] = { "hold-failed", "SERVFAIL: the firewall did not take the addresses" },
	[STAT_UP_SENT] = { "upstream-sent", "questions sent upstream" },
	[STAT_UP_TCP] = { "upstream-tcp", "of these over TCP" },
	[STAT_UP_TIMEOUT] = { "upstream-timeout", "tries that got no reply in time" },
	[STAT_UP_ERROR] = { "upstream-error", "tries that ended with an error of the network" },
	[STAT_UP_BAD] = { "upstream-bad", "replies with an error code, malformed or of no use" },
	[STAT_UP_FOREIGN] = { "upstream-foreign", "datagrams that were not the reply to the question" },
	[STAT_UP_FILTERED] = { "upstream-filtered", "answers from which addresses or service records were taken out" },
	[STAT_EVENTS_LOST] = { "log-lost", "events that the log had no room for" },
};

void stats_sum(struct stats *a, const struct stats *b)
{
	for (int i = 0; i < STAT_COUNT; i++)
		a->n[i] += b->n[i];
}

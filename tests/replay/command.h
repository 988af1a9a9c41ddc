/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_COMMAND_H
#define REPLAY_COMMAND_H

/* The commands of the script language; tests/replay/README.md says what each does. */

#include <stdint.h>

#include "script.h"

/* Runs one; what is wrong is reported by fake_fault. */
void command_run(const struct command *c);

/* The commands of clients and of upstreams, in files of their own. words[0] is the command. */
typedef void command_fn(char **words, int n, const struct command *c);
command_fn client_ask, client_crowd, client_raw, client_answer, client_nothing, client_closed, client_hangup;
command_fn upstream_expect, upstream_reply, upstream_break, upstream_quiet, upstream_await, upstream_unreachable;
command_fn agent_state, agent_hold, agent_held, agent_nohold, agent_says, agent_epoch, agent_by_client, agent_messages;
command_fn agent_unheld, agent_unknown;

/* "1500ms", "3s", "2m", "1h", "1d"; fault and 0 when it is none. */
uint64_t command_ms(const char *text);
/* The value behind the word `key` among words, or NULL; both are struck out. */
const char *command_value(char **words, int *n, const char *key);
/* Whether `key` is among the words; it is struck out. */
bool command_flag(char **words, int *n, const char *key);
/* Whether all words but the first `used` are struck out; else a fault. */
bool command_done(char **words, int n, int used);

#endif

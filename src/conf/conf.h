/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CONF_H
#define CONF_CONF_H

/*
 * The configuration as written (SPEC 2): read by a table, one row an option,
 * into one struct in one arena. Knows syntax, ranges and names of sections;
 * what the names refer to is policy's.
 */

#include <stdio.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "dns/name.h"

#define CONF_DEFAULT_FILE "/etc/postern/postern.conf"

struct conf_str {
	const char *text;		/* never NULL; "" where empty or not written */
	unsigned line;			/* 0: not written */
};

struct conf_strs {
	struct conf_str *v;
	size_t n;
	unsigned line;			/* of the key; 0: not written, v holds the default */
};

struct conf_endpoint { struct endpoint at; unsigned line; };
struct conf_endpoints { struct conf_endpoint *v; size_t n; unsigned line; };
struct conf_prefix { struct prefix prefix; unsigned line; };
struct conf_prefixes { struct conf_prefix *v; size_t n; unsigned line; };
struct conf_port { uint8_t proto; uint16_t port; };	/* IPPROTO_TCP or IPPROTO_UDP */
struct conf_ports { struct conf_port *v; size_t n; unsigned line; };
struct conf_types { uint16_t *v; size_t n; unsigned line; };

struct conf_server {
	struct conf_endpoints listen;
	unsigned workers;		/* 0: auto */
	struct conf_str user;
	struct conf_prefixes clients, private;
	struct conf_strs zones;		/* folders, absolute or from the working directory */
	struct conf_str state;		/* "": in memory only */
	bool sandbox;
};

struct conf_control {
	struct conf_str socket;
};

/* [upstream] (zone is the root) and [forward ZONE] */
struct conf_upstream {
	struct name zone;
	unsigned line;			/* of the section; 0: not written */
	struct conf_endpoints address;	/* empty: resolv.conf; an error in a [forward] */
	struct conf_str tls_name, tls_ca;
	struct conf_strs tls_pin;
	uint32_t timeout_ms;
	bool case_random, private;
	struct conf_ports ports;	/* [forward] only */
};

struct conf_cache {
	uint64_t size;			/* bytes */
	uint32_t min_ttl, max_ttl, block_ttl, stale;	/* seconds */
};

struct conf_limits {
	uint32_t udp_rate, tcp_clients, tcp_per_client, tcp_rate;
	uint32_t tcp_idle_ms;
	uint32_t inflight, client_inflight;
	uint32_t max_labels, max_label_length, new_names;
};

enum conf_block { BLOCK_NXDOMAIN, BLOCK_NODATA, BLOCK_REFUSED, BLOCK_SINKHOLE, BLOCK_DROP };

struct conf_profile {
	struct conf_str name;		/* line: the section's; 0 for a default profile not written */
	struct conf_prefixes clients;	/* empty for "default" (an error if written there) */
	struct conf_strs catalog;	/* CATALOG or CATALOG/GROUP */
	bool trust;			/* chain = trust */
	bool local;
	enum conf_block block;
	struct addr sinkhole4, sinkhole6;	/* len 0: none given */
	struct conf_types types;
	bool aaaa;
	bool audit;			/* mode = audit */
	struct conf_strs export;
};

struct conf_catalog {
	struct conf_str name;
	struct conf_str file;
};

enum conf_export_kind { EXPORT_NFTABLES, EXPORT_IPSET, EXPORT_FILE, EXPORT_SOCKET };
enum conf_export_key { KEY_ADDRESS, KEY_SERVICE, KEY_CLIENT, KEY_CLIENT_SERVICE };
enum conf_refresh { REFRESH_AUTO, REFRESH_UPDATE, REFRESH_REPLACE };

/* set4, set6 */
struct conf_set {
	const char *family, *table;	/* "" for an ipset */
	const char *name;		/* "": none */
	unsigned line;
};

#define CONF_EXPORTS 64			/* sections: sets of them are bits of a uint64_t */

struct conf_export {
	struct conf_str name;		/* line: the section's */
	enum conf_export_kind kind;
	struct conf_set set[2];		/* IPv4, IPv6 */
	bool create;
	enum conf_export_key key;
	unsigned key_line;		/* 0: not written, and says nothing of a set that is there */
	uint64_t size;			/* elements */
	struct conf_str path;		/* file, socket */
	uint32_t min_time, grace;	/* seconds */
	uint32_t deadline_ms;
	bool or_answer;			/* on-failure = answer */
	enum conf_refresh refresh;
	bool private;
	bool follow;			/* follow = conntrack */
	uint32_t follow_max;		/* seconds */
};

enum conf_queries { QUERIES_NONE, QUERIES_BLOCKED, QUERIES_ALL };

struct conf_log {
	enum conf_queries queries;
	uint32_t rate;
	bool json;
	struct conf_str file;		/* "": standard error */
};

struct conf {
	const char *path;
	struct conf_server server;
	struct conf_control control;
	struct conf_upstream upstream;
	struct conf_upstream *forwards;
	size_t n_forwards;
	struct conf_str *records;
	size_t n_records;
	struct conf_cache cache;
	struct conf_limits limits;
	struct conf_profile *profiles;	/* [0] is default */
	size_t n_profiles;
	struct conf_catalog *catalogs;
	size_t n_catalogs;
	struct conf_export *exports;
	size_t n_exports;
	struct conf_log log;
};

/*
 * Reads the file into a struct conf in `a`; what is wrong goes to d, all of
 * it. Gives NULL only when memory is short; after errors (diag_errors(d) has
 * grown) the struct holds defaults where the input was bad and must not be served.
 * A missing or empty file is the defaults where `path` is CONF_DEFAULT_FILE and
 * !path_written, an error otherwise (missing) or the defaults (empty).
 */
struct conf *conf_read(struct arena *a, const char *path, bool path_written, struct diag_list *d);
/*
 * The same from an open file, which stays the caller's and stands for `path`: a text that was kept. An
 * empty one is the defaults.
 */
struct conf *conf_read_stream(struct arena *a, FILE *in, const char *path, struct diag_list *d);

/* Writes every section and key with its value as INI that conf_read takes: a fixed point. */
void conf_print(const struct conf *c, FILE *out);

/* Parsers that catalogue files share. 0 or -EINVAL. */
must_check int conf_port_parse(struct conf_port *p, const char *text, size_t len);	/* tcp/443 */
const char *conf_port_text(const struct conf_port *p, char *buf);			/* 16 bytes */

#endif

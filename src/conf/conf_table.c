/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_table.h"

#include <sys/un.h>

#include "base/util.h"
#include "conf/conf.h"

#define SECOND 1000ull			/* times are in milliseconds */
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB ((uint64_t)1 << 10)
#define TIB ((uint64_t)1 << 40)
#define MANY 1000000000ull
#define PATH_LENGTH 4095
#define SET_SIZE (1ull << 26)		/* the kernel needs some hundred bytes for each element */
#define SOCKET_LENGTH (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

#define IN(section) (1u << (section))
#define UPSTREAMS (IN(CONF_UPSTREAM) | IN(CONF_FORWARD))
#define PROFILES (IN(CONF_DEFAULT) | IN(CONF_PROFILE))

#define SERVER(field) offsetof(struct conf_server, field)
#define UPSTREAM(field) offsetof(struct conf_upstream, field)
#define CACHE(field) offsetof(struct conf_cache, field)
#define LIMITS(field) offsetof(struct conf_limits, field)
#define PROFILE(field) offsetof(struct conf_profile, field)
#define EXPORT(field) offsetof(struct conf_export, field)
#define LOG(field) offsetof(struct conf_log, field)

static const struct conf_option options[] = {
	/* section, key, type, field, min, max, words, default, flags, help */
	{ IN(CONF_SERVER), "listen", CONF_ENDPOINTS, SERVER(listen), 0, 0, NULL, "127.0.0.1@5300 ::1@5300", 0,
	  "where to listen, UDP and TCP" },
	{ IN(CONF_SERVER), "workers", CONF_AUTO, SERVER(workers), 1, 256, NULL, "1", 0, "threads; auto is one a core" },
	{ IN(CONF_SERVER), "user", CONF_WORD, SERVER(user), 0, 255, NULL, NULL, CONF_EMPTY,
	  "who to become once the ports are bound" },
	{ IN(CONF_SERVER), "clients", CONF_PREFIXES, SERVER(clients), 0, 0, NULL,
	  "127.0.0.0/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fe80::/10", 0, "who may ask" },
	{ IN(CONF_SERVER), "private", CONF_PREFIXES, SERVER(private), 0, 0, NULL, NULL, CONF_EMPTY,
	  "further prefixes that count as private" },
	{ IN(CONF_SERVER), "zones", CONF_PATHS, SERVER(zones), 0, PATH_LENGTH, NULL,
	  "/etc/postern/zones /usr/share/postern/zones", 0, "folders where catalogues are looked for" },
	{ IN(CONF_SERVER), "state", CONF_PATH, SERVER(state), 0, PATH_LENGTH, NULL, "/var/lib/postern", CONF_EMPTY,
	  "folder for what is kept; nothing is in this version" },
	{ IN(CONF_SERVER), "sandbox", CONF_BOOL, SERVER(sandbox), 0, 0, NULL, "on", 0,
	  "drop capabilities" },

	{ IN(CONF_CONTROL), "socket", CONF_PATH, offsetof(struct conf_control, socket), 0, SOCKET_LENGTH, NULL,
	  "/run/postern/control.sock", 0, "where status, reload and flush reach the server" },

	{ IN(CONF_UPSTREAM), "address", CONF_ENDPOINTS, UPSTREAM(address), 0, 0, NULL, NULL, CONF_EMPTY,
	  "servers to ask; empty: those of /etc/resolv.conf" },
	{ IN(CONF_FORWARD), "address", CONF_ENDPOINTS, UPSTREAM(address), 0, 0, NULL, NULL, CONF_REQUIRED,
	  "servers of this zone" },
	{ UPSTREAMS, "tls-name", CONF_WORD, UPSTREAM(tls_name), 0, 255, NULL, NULL, CONF_EMPTY | CONF_ABSENT,
	  "DNS over TLS with this name in the certificate" },
	{ UPSTREAMS, "tls-ca", CONF_PATH, UPSTREAM(tls_ca), 0, PATH_LENGTH, NULL, NULL, CONF_EMPTY | CONF_ABSENT,
	  "file of trusted roots" },
	{ UPSTREAMS, "tls-pin", CONF_WORDS, UPSTREAM(tls_pin), 0, 0, NULL, NULL, CONF_EMPTY | CONF_ABSENT,
	  "hashes of the server's public key" },
	{ UPSTREAMS, "timeout", CONF_MILLIS, UPSTREAM(timeout_ms), 10, MINUTE, NULL, "1500ms", 0,
	  "how long one try may take" },
	{ UPSTREAMS, "case", CONF_EITHER, UPSTREAM(case_random), 0, 0, "keep random", "random", 0,
	  "the case of letters in questions" },
	{ UPSTREAMS, "private", CONF_BOOL, UPSTREAM(private), 0, 0, NULL, "no", 0, "answers may hold private addresses" },
	{ IN(CONF_FORWARD), "ports", CONF_PORTS, UPSTREAM(ports), 0, 0, NULL, NULL, CONF_EMPTY,
	  "what to open for the zone's names" },

	{ IN(CONF_RECORDS), "record", CONF_LINES, 0, 0, 0, NULL, NULL, 0, "a record in zone-file syntax" },

	{ IN(CONF_CACHE), "size", CONF_SIZE, CACHE(size), 64 * KIB, TIB, NULL, "32M", 0, "of all workers together" },
	{ IN(CONF_CACHE), "min-ttl", CONF_SECONDS, CACHE(min_ttl), 0, 7 * DAY, NULL, "0s", 0,
	  "smaller TTLs are raised to it" },
	{ IN(CONF_CACHE), "max-ttl", CONF_SECONDS, CACHE(max_ttl), SECOND, 7 * DAY, NULL, "1d", 0,
	  "larger TTLs are lowered to it" },
	{ IN(CONF_CACHE), "block-ttl", CONF_SECONDS, CACHE(block_ttl), 0, DAY, NULL, "60s", 0,
	  "how long a client may remember a refusal" },
	{ IN(CONF_CACHE), "stale", CONF_SECONDS, CACHE(stale), 0, 7 * DAY, NULL, "0s", 0,
	  "how long past its TTL an answer may serve while upstream is down" },

	{ IN(CONF_LIMITS), "udp-rate", CONF_COUNT, LIMITS(udp_rate), 0, MANY, NULL, "0", CONF_IDLE,
	  "answers a second to one client over UDP" },
	{ IN(CONF_LIMITS), "tcp-clients", CONF_COUNT, LIMITS(tcp_clients), 0, MANY, NULL, "1000", 0,
	  "open TCP connections" },
	{ IN(CONF_LIMITS), "tcp-per-client", CONF_COUNT, LIMITS(tcp_per_client), 0, MANY, NULL, "50", 0,
	  "open TCP connections of one client" },
	{ IN(CONF_LIMITS), "tcp-rate", CONF_COUNT, LIMITS(tcp_rate), 0, MANY, NULL, "0", CONF_IDLE,
	  "new TCP connections a second from one client" },
	{ IN(CONF_LIMITS), "tcp-idle", CONF_MILLIS, LIMITS(tcp_idle_ms), 0, DAY, NULL, "10s", 0,
	  "how long a TCP connection may be silent" },
	{ IN(CONF_LIMITS), "inflight", CONF_COUNT, LIMITS(inflight), 0, MANY, NULL, "10000", 0,
	  "questions waiting for upstream" },
	{ IN(CONF_LIMITS), "client-inflight", CONF_COUNT, LIMITS(client_inflight), 0, MANY, NULL, "500", 0,
	  "questions of one client waiting for upstream" },
	{ IN(CONF_LIMITS), "max-labels", CONF_COUNT, LIMITS(max_labels), 0, NAME_MAX_LABELS, NULL, "0", CONF_IDLE,
	  "labels below a wildcard" },
	{ IN(CONF_LIMITS), "max-label-length", CONF_COUNT, LIMITS(max_label_length), 0, 63, NULL, "0", CONF_IDLE,
	  "length of a label below a wildcard" },
	{ IN(CONF_LIMITS), "new-names", CONF_COUNT, LIMITS(new_names), 0, MANY, NULL, "0", CONF_IDLE,
	  "new names a minute from one client below one wildcard" },

	{ IN(CONF_DEFAULT), "clients", CONF_PREFIXES, PROFILE(clients), 0, 0, NULL, NULL, CONF_EMPTY,
	  "every client that no other profile names" },
	{ IN(CONF_PROFILE), "clients", CONF_PREFIXES, PROFILE(clients), 0, 0, NULL, NULL, CONF_REQUIRED,
	  "whom the profile is for" },
	{ PROFILES, "catalog", CONF_CATALOGS, PROFILE(catalog), 0, 0, NULL, "windows-update", CONF_EMPTY,
	  "the catalogues, or CATALOG/GROUP, that are allowed" },
	{ PROFILES, "chain", CONF_EITHER, PROFILE(trust), 0, 0, "verify trust", "verify", 0,
	  "whether an allowed name may lead anywhere" },
	{ PROFILES, "local", CONF_BOOL, PROFILE(local), 0, 0, NULL, "yes", 0,
	  "[records] and [forward] also for names that no catalogue has" },
	{ PROFILES, "block", CONF_CHOICE, PROFILE(block), 0, 0, "nxdomain nodata refused sinkhole drop", "nxdomain", 0,
	  "what a blocked name gets" },
	{ PROFILES, "sinkhole", CONF_SINKHOLE, PROFILE(sinkhole4), 0, 0, NULL, "0.0.0.0 ::", 0,
	  "addresses for block = sinkhole" },
	{ PROFILES, "types", CONF_TYPES, PROFILE(types), 0, 0, NULL, "A AAAA CNAME HTTPS SVCB", 0,
	  "types that catalogue names may be asked for" },
	{ PROFILES, "aaaa", CONF_BOOL, PROFILE(aaaa), 0, 0, NULL, "yes", 0, "IPv6 addresses are given out" },
	{ PROFILES, "mode", CONF_EITHER, PROFILE(audit), 0, 0, "enforce audit", "enforce", 0,
	  "audit: resolve all, log what would be blocked" },
	{ PROFILES, "export", CONF_WORDS, PROFILE(export), 0, 0, NULL, NULL, CONF_EMPTY,
	  "names of [export] sections" },

	{ IN(CONF_CATALOG), "file", CONF_PATH, offsetof(struct conf_catalog, file), 0, PATH_LENGTH, NULL, NULL,
	  CONF_REQUIRED, "where the catalogue is" },

	{ IN(CONF_EXPORT), "kind", CONF_CHOICE, EXPORT(kind), 0, 0, "nftables ipset file socket", "nftables", 0,
	  "who is told" },
	{ IN(CONF_EXPORT), "set4", CONF_SET, EXPORT(set[0]), 0, 0, NULL, NULL, CONF_EMPTY, "the set of IPv4 addresses" },
	{ IN(CONF_EXPORT), "set6", CONF_SET, EXPORT(set[1]), 0, 0, NULL, NULL, CONF_EMPTY, "the set of IPv6 addresses" },
	{ IN(CONF_EXPORT), "create", CONF_BOOL, EXPORT(create), 0, 0, NULL, "no", 0, "make sets that are missing" },
	{ IN(CONF_EXPORT), "key", CONF_CHOICE, EXPORT(key), 0, 0, "address service client client-service", "address", 0,
	  "what an element of them is" },
	{ IN(CONF_EXPORT), "size", CONF_LARGE, EXPORT(size), 1, SET_SIZE, NULL, "65536", 0, "elements they have room for" },
	{ IN(CONF_EXPORT), "path", CONF_PATH, EXPORT(path), 0, PATH_LENGTH, NULL, NULL, CONF_EMPTY,
	  "the file, or the socket of whoever listens" },
	{ IN(CONF_EXPORT), "min-time", CONF_SECONDS, EXPORT(min_time), 0, 7 * DAY, NULL, "60s", 0,
	  "the shortest time that a lease is made for" },
	{ IN(CONF_EXPORT), "grace", CONF_SECONDS, EXPORT(grace), 0, 7 * DAY, NULL, "300s", 0,
	  "how long a lease outlives the TTL" },
	{ IN(CONF_EXPORT), "deadline", CONF_MILLIS, EXPORT(deadline_ms), 1, MINUTE, NULL, "500ms", 0,
	  "how long an answer waits for the confirmation" },
	{ IN(CONF_EXPORT), "on-failure", CONF_EITHER, EXPORT(or_answer), 0, 0, "servfail answer", "servfail", 0,
	  "whether an address that was not taken is given out" },
	{ IN(CONF_EXPORT), "refresh", CONF_CHOICE, EXPORT(refresh), 0, 0, "auto update replace", "auto", 0,
	  "how the time of an element is moved" },
	{ IN(CONF_EXPORT), "private", CONF_BOOL, EXPORT(private), 0, 0, NULL, "no", 0, "private addresses may be opened" },
	{ IN(CONF_EXPORT), "follow", CONF_EITHER, EXPORT(follow), 0, 0, "none conntrack", "none", 0,
	  "conntrack: a lease goes on while a flow to its address lives" },
	{ IN(CONF_EXPORT), "follow-max", CONF_SECONDS, EXPORT(follow_max), 0, 7 * DAY, NULL, "1h", 0,
	  "but no longer than this" },

	{ IN(CONF_LOG), "queries", CONF_CHOICE, LOG(queries), 0, 0, "none blocked all", "blocked", 0, "what is logged" },
	{ IN(CONF_LOG), "rate", CONF_COUNT, LOG(rate), 1, MANY, NULL, "100", 0, "lines a second" },
	{ IN(CONF_LOG), "format", CONF_EITHER, LOG(json), 0, 0, "text json", "text", 0, "of a line" },
	{ IN(CONF_LOG), "file", CONF_PATH, LOG(file), 0, PATH_LENGTH, NULL, NULL, CONF_EMPTY,
	  "empty: standard error" },
};

static const char *const sections[CONF_SECTIONS] = {
	[CONF_SERVER] = "server", [CONF_CONTROL] = "control", [CONF_UPSTREAM] = "upstream",
	[CONF_FORWARD] = "forward ZONE", [CONF_RECORDS] = "records", [CONF_CACHE] = "cache", [CONF_LIMITS] = "limits",
	[CONF_DEFAULT] = "profile default", [CONF_PROFILE] = "profile NAME", [CONF_CATALOG] = "catalog NAME",
	[CONF_EXPORT] = "export NAME", [CONF_LOG] = "log",
};

_Static_assert(ARRAY_SIZE(options) <= CONF_OPTIONS_MAX, "conf_keys remembers a line for each");
_Static_assert(offsetof(struct conf_profile, sinkhole6) == offsetof(struct conf_profile, sinkhole4) +
	       sizeof(struct addr), "CONF_SINKHOLE fills both");
_Static_assert(sizeof(enum conf_block) == sizeof(unsigned) && sizeof(enum conf_export_kind) == sizeof(unsigned) &&
	       sizeof(enum conf_export_key) == sizeof(unsigned) && sizeof(enum conf_refresh) == sizeof(unsigned),
	       "CONF_CHOICE stores an unsigned");

const struct conf_schema conf_schema = { options, ARRAY_SIZE(options), sections, CONF_SECTIONS };

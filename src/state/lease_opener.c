/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/lease_opener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A file's name or a list of ports, shared by the many openers that have the same. */
struct blob {
	struct slot slot;
	uint32_t refs, len;
	uint8_t *bytes;
};

void openers_init(struct openers *os)
{
	slots_init(&os->all, sizeof(struct opener));
	slots_init(&os->blobs, sizeof(struct blob));
	os->bytes = 0;
}

void openers_free(struct openers *os)
{
	for (uint32_t id = 1; id <= os->all.top; id++) {
		struct opener *o = slots_at(&os->all, id);

		if (o)
			free(o->bytes);
	}
	for (uint32_t id = 1; id <= os->blobs.top; id++) {
		struct blob *bl = slots_at(&os->blobs, id);

		if (bl)
			free(bl->bytes);
	}
	slots_clear(&os->all);
	slots_clear(&os->blobs);
}

/* Gives false without memory; nothing is blob 0. */
static bool blob_take(struct openers *os, const void *p, size_t len, uint32_t *id)
{
	uint64_t h = hash_bytes(p, len);
	struct blob *bl;

	*id = 0;
	if (!len)
		return true;
	for (uint32_t at = slots_first(&os->blobs, h); at; at = slots_next(&os->blobs, at)) {
		bl = slots_at(&os->blobs, at);
		if (bl->len == len && !memcmp(bl->bytes, p, len)) {
			bl->refs++;
			*id = at;
			return true;
		}
	}
	bl = slots_add(&os->blobs, h, id);
	if (!bl)
		return false;
	bl->bytes = malloc(len);
	if (!bl->bytes) {
		slots_remove(&os->blobs, *id);
		return false;
	}
	memcpy(bl->bytes, p, len);
	bl->len = (uint32_t)len;
	bl->refs = 1;
	os->bytes += len;
	return true;
}

static void blob_drop(struct openers *os, uint32_t id)
{
	struct blob *bl = slots_at(&os->blobs, id);

	if (!bl || --bl->refs)
		return;
	os->bytes -= bl->len;
	free(bl->bytes);
	slots_remove(&os->blobs, id);
}

static const void *blob_at(const struct openers *os, uint32_t id, size_t *len)
{
	const struct blob *bl = slots_at(&os->blobs, id);

	*len = bl ? bl->len : 0;
	return bl ? (const void *)bl->bytes : "";
}

/* Without what lies between the members. */
static bool ports_take(struct openers *os, const struct conf_port *ports, size_t n, uint32_t *id)
{
	struct conf_port *clean = calloc(n + 1, sizeof(*clean));
	bool ok;

	if (!clean)
		return false;
	for (size_t i = 0; i < n; i++) {
		clean[i].proto = ports[i].proto;
		clean[i].port = ports[i].port;
	}
	ok = blob_take(os, clean, n * sizeof(*clean), id);
	free(clean);
	return ok;
}

/* What of the chain is kept: names in wire form, the last one whole. */
static size_t chain_kept(const uint8_t *chain, size_t len)
{
	size_t at = 0, kept = 0;

	while (at < len && at < OPENER_CHAIN) {
		uint8_t label = chain[at];

		at += 1u + label;
		if (!label && at <= len && at <= OPENER_CHAIN)
			kept = at;
	}
	return kept;
}

static bool is(const struct opener *o, const struct opener_of *of, size_t text, size_t chain, uint32_t file,
	       uint32_t ports)
{
	return o->profile == of->profile && o->line == of->line && o->file == file && o->ports == ports &&
	       o->text_len == text && o->chain_len == chain && !memcmp(opener_text(o), of->text, text) &&
	       !memcmp(opener_chain(o), of->chain, chain);
}

static uint64_t hash_of(const struct opener_of *of, size_t text, size_t chain, uint32_t file, uint32_t ports)
{
	uint32_t numbers[] = { of->line, file, ports, (uint32_t)of->profile, (uint32_t)(of->profile >> 32) };

	return hash_more(hash_more(hash_bytes(numbers, sizeof(numbers)), of->text, text), of->chain, chain);
}

static uint32_t make(struct openers *os, const struct opener_of *of, size_t text, size_t chain, uint64_t h)
{
	uint8_t *bytes = malloc(text + 1 + chain);
	struct opener *o;
	uint32_t id;

	if (!bytes)
		return 0;
	o = slots_add(&os->all, h, &id);
	if (!o) {
		free(bytes);
		return 0;
	}
	memcpy(bytes, of->text, text);
	bytes[text] = 0;
	if (chain)
		memcpy(bytes + text + 1, of->chain, chain);
	o->bytes = bytes;
	o->text_len = (uint16_t)text;
	o->chain_len = (uint16_t)chain;
	o->line = of->line;
	o->profile = of->profile;
	o->refs = 1;
	os->bytes += text + 1 + chain;
	return id;
}

uint32_t opener_take(struct openers *os, const struct opener_of *of)
{
	size_t text = strnlen(of->text, NAME_TEXT), chain = chain_kept(of->chain, of->chain_len);
	uint32_t file, ports = 0, id = 0;
	uint64_t h;

	if (!blob_take(os, of->file, of->file_len, &file))
		return 0;
	if (!ports_take(os, of->ports, of->n_ports, &ports))
		goto out;
	h = hash_of(of, text, chain, file, ports);
	for (id = slots_first(&os->all, h); id; id = slots_next(&os->all, id)) {
		struct opener *o = slots_at(&os->all, id);

		if (is(o, of, text, chain, file, ports)) {
			o->refs++;
			goto out;
		}
	}
	id = make(os, of, text, chain, h);
	if (id) {
		struct opener *o = slots_at(&os->all, id);

		o->file = file;
		o->ports = ports;
		return id;
	}
out:
	blob_drop(os, file);
	blob_drop(os, ports);
	return id;
}

void opener_keep(struct openers *os, uint32_t id)
{
	struct opener *o = opener_at(os, id);

	if (o)
		o->refs++;
}

void opener_drop(struct openers *os, uint32_t id)
{
	struct opener *o = opener_at(os, id);

	if (!o || --o->refs)
		return;
	blob_drop(os, o->file);
	blob_drop(os, o->ports);
	blob_drop(os, o->ports_ok);
	os->bytes -= o->text_len + 1u + o->chain_len;
	free(o->bytes);
	slots_remove(&os->all, id);
}

struct opener *opener_at(const struct openers *os, uint32_t id)
{
	return slots_at(&os->all, id);
}

const char *opener_file(const struct openers *os, const struct opener *o, size_t *len)
{
	return blob_at(os, o->file, len);
}

static const struct conf_port *ports_at(const struct openers *os, uint32_t id, size_t *n)
{
	const void *p = blob_at(os, id, n);

	*n /= sizeof(struct conf_port);
	return *n ? p : NULL;
}

const struct conf_port *opener_ports(const struct openers *os, const struct opener *o, size_t *n)
{
	return ports_at(os, o->ports, n);
}

int opener_judge(struct openers *os, struct opener *o, uint32_t review, uint64_t exports,
		 const struct conf_port *ports, size_t n)
{
	uint32_t id;

	if (!ports_take(os, ports, n, &id))
		return -ENOMEM;
	blob_drop(os, o->ports_ok);
	o->ports_ok = id;
	o->exports_ok = exports;
	o->reviewed = review;
	return 0;
}

const struct conf_port *opener_ports_ok(const struct openers *os, const struct opener *o, size_t *n)
{
	return ports_at(os, o->ports_ok, n);
}

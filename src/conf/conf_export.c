/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/util.h"
#include "conf/conf_check.h"

#define NFT_NAME 255			/* NFT_NAME_MAXLEN without its NUL */
#define IPSET_NAME 31			/* IPSET_MAXNAMELEN without its NUL */
#define SOCKET_PATH (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define SET_SIZE 65536			/* the default, which says nothing */
#define NAMES_TEXT 8192			/* of exports, for "did you mean" */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *const kinds[] = { "nftables", "ipset", "file", "socket" };
static const char *const set_keys[] = { "set4", "set6" };

/* What nft(8) can read: others cannot be named in a ruleset. */
static bool nft_name_ok(const char *s)
{
	size_t n = strlen(s);

	return n <= NFT_NAME && strspn(s, LETTERS "_.") && strspn(s, LETTERS "0123456789/-_.") == n;
}

int conf_set_parse(struct conf_in *in, struct conf_set *set, const char *text, unsigned line)
{
	const char *words[3] = { "", "", "" };
	size_t n = 0, len;

	for (text += strspn(text, " \t"); *text; text += len, text += strspn(text, " \t")) {
		len = strcspn(text, " \t");
		if (n == ARRAY_SIZE(words))
			return -EINVAL;
		words[n] = arena_text(in->a, text, len);
		if (!words[n++]) {
			in->starved = true;
			return 0;
		}
	}
	if (n == 2)
		return -EINVAL;
	if (n == 3 && ((strcmp(words[0], "inet") && strcmp(words[0], "ip") && strcmp(words[0], "ip6")) ||
		       !nft_name_ok(words[1]) || !nft_name_ok(words[2])))
		return -EINVAL;
	*set = n == 3 ? (struct conf_set){ words[0], words[1], words[2], line }
		      : (struct conf_set){ "", "", words[0], n ? line : 0 };
	return 0;
}

static bool ends(const char *text, const char *with)
{
	size_t n = strlen(text), w = strlen(with);

	return n >= w && !strcmp(text + n - w, with);
}

/* Whether it writes sets of nftables, into the kernel or for somebody's `nft -f`. */
static bool writes_nft(const struct conf_export *e)
{
	return e->kind == EXPORT_NFTABLES ||
	       (e->kind == EXPORT_FILE && *e->path.text && !ends(e->path.text, ".json"));
}

static bool in_kernel(const struct conf_export *e)
{
	return e->kind == EXPORT_NFTABLES || e->kind == EXPORT_IPSET;
}

static bool same_set(const struct conf_set *a, const struct conf_set *b)
{
	return *a->name && !strcmp(a->name, b->name) && !strcmp(a->table, b->table) && !strcmp(a->family, b->family);
}

static void check_set(const struct conf_keys *k, const struct conf_export *e, unsigned f)
{
	const struct conf_set *set = &e->set[f];
	const struct conf_in *in = k->in;

	if (!*set->name)
		return;
	if (writes_nft(e) && !*set->family)
		diag_error(in->d, in->file, set->line, "%s = '%s': expected FAMILY TABLE SET, as in inet lockdown update%c",
			   set_keys[f], set->name, "46"[f]);
	else if (e->kind == EXPORT_IPSET && *set->family)
		diag_error(in->d, in->file, set->line, "%s = '%s %s %s': expected the name of an ipset, one word",
			   set_keys[f], set->family, set->table, set->name);
	else if (e->kind == EXPORT_IPSET && strlen(set->name) > IPSET_NAME)
		diag_error(in->d, in->file, set->line, "%s = '%.80s': the name of an ipset has at most %d bytes",
			   set_keys[f], set->name, IPSET_NAME);
	if (*set->family && !strcmp(set->family, f ? "ip" : "ip6"))
		diag_error(in->d, in->file, set->line, "%s = '%s %s %s': a table of family %s sees no IPv%c",
			   set_keys[f], set->family, set->table, set->name, set->family, "46"[f]);
}

static void check_sets(const struct conf_keys *k, const struct conf_export *e)
{
	const struct conf_in *in = k->in;

	check_set(k, e, 0);
	check_set(k, e, 1);
	if ((writes_nft(e) || e->kind == EXPORT_IPSET) && same_set(&e->set[0], &e->set[1]))
		diag_error(in->d, in->file, MAX(e->set[0].line, e->set[1].line),
			   "[%s]: set4 and set6 are one set, and a set holds addresses of one family", k->label);
	if ((writes_nft(e) || e->kind == EXPORT_IPSET) && !*e->set[0].name && !*e->set[1].name &&
	    !conf_keys_bad(k, "set4") && !conf_keys_bad(k, "set6"))
		diag_error(in->d, in->file, k->section_line, "[%s] needs 'set4', 'set6' or both%s", k->label,
			   e->kind == EXPORT_FILE ? ": a path that does not end in .json is a script of nft" : "");
}

/* A key that the kind has no use for, and which is not at its default. */
static void unfit(const struct conf_keys *k, const struct conf_export *e, const char *key, const char *fits)
{
	if (!conf_keys_bad(k, key))
		diag_error(k->in->d, k->in->file, conf_keys_line(k, key), "'%s' is not for kind = %s, only for %s", key,
			   kinds[e->kind], fits);
}

static void idle(const struct conf_keys *k, const char *key, const char *why)
{
	diag_warn(k->in->d, k->in->file, conf_keys_line(k, key), NULL, "'%s' has no effect: %s", key, why);
}

static void check_kernel_keys(const struct conf_keys *k, const struct conf_export *e)
{
	if (*e->path.text)
		unfit(k, e, "path", "file and socket");
	if (e->kind == EXPORT_IPSET && e->refresh != REFRESH_AUTO)
		idle(k, "refresh", "an ipset has one way to move an element's time");
}

static void check_path_keys(const struct conf_keys *k, const struct conf_export *e)
{
	if (!*e->path.text && !conf_keys_bad(k, "path"))
		diag_error(k->in->d, k->in->file, k->section_line, "[%s] needs 'path' for kind = %s", k->label, kinds[e->kind]);
	if (e->kind == EXPORT_SOCKET && strlen(e->path.text) > SOCKET_PATH)
		diag_error(k->in->d, k->in->file, e->path.line, "path = '%.80s…': a socket's path has at most %zu bytes",
			   e->path.text, SOCKET_PATH);
	if (e->create)
		unfit(k, e, "create", "nftables and ipset");
	if (e->follow)
		unfit(k, e, "follow", "nftables and ipset");
	if (e->refresh != REFRESH_AUTO)
		idle(k, "refresh", "whoever reads moves the times");
	if (e->kind == EXPORT_SOCKET && e->size != SET_SIZE)
		idle(k, "size", "who listens says what is too much");
}

void conf_export_check(const struct conf_keys *k, struct conf_export *e)
{
	e->key_line = conf_keys_seen(k, "key");
	/* what does not fit a kind that is not known says nothing */
	if (conf_keys_bad(k, "kind"))
		return;
	check_sets(k, e);
	if (in_kernel(e))
		check_kernel_keys(k, e);
	else
		check_path_keys(k, e);
}

/* Two exports would each take what it finds in the set for the other's, and renew it by its own times. */
static void check_shared_sets(struct conf_in *in, const struct conf_export *e, const struct conf_export *before)
{
	unsigned f, g;

	if (!in_kernel(e) || !in_kernel(before))
		return;
	for (f = 0; f < 2; f++) {
		const struct conf_set *set = &e->set[f];

		for (g = 0; g < 2 && !same_set(set, &before->set[g]); g++)
			;
		if (g < 2)
			diag_error(in->d, in->file, set->line, "%s = '%s%s%s%s%s' again: first on line %u, in [export %s]",
				   set_keys[f], set->family, *set->family ? " " : "", set->table,
				   *set->family ? " " : "", set->name, before->set[g].line, before->name.text);
	}
}

/* The script of a file export has a list beside it. */
static bool beside(const struct conf_export *script, const char *path)
{
	size_t n = strlen(script->path.text);

	return script->kind == EXPORT_FILE && writes_nft(script) && !strncmp(script->path.text, path, n) &&
	       !strcmp(path + n, ".json");
}

static void check_shared_path(struct conf_in *in, const struct conf_export *e, const struct conf_export *before)
{
	const char *path = e->path.text;

	if (!*path || !*before->path.text || in_kernel(e) || in_kernel(before))
		return;
	if (!strcmp(path, before->path.text) || beside(before, path) || beside(e, before->path.text))
		diag_error(in->d, in->file, e->path.line, "path = '%s' is written by [export %s] too, line %u", path,
			   before->name.text, before->path.line);
}

/* What others of our own write or listen on. */
static void check_own_path(struct conf_in *in, const struct conf *c, const struct conf_export *e)
{
	const char *path = e->path.text;

	if (!*path || in_kernel(e))
		return;
	if (!strcmp(path, c->log.file.text) || beside(e, c->log.file.text))
		diag_error(in->d, in->file, e->path.line, "path = '%s' is the [log]'s file", path);
	if (!strcmp(path, c->control.socket.text) || beside(e, c->control.socket.text))
		diag_error(in->d, in->file, e->path.line, "path = '%s' is the [control] socket", path);
}

static const struct conf_export *find_export(const struct conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_exports; i++)
		if (!strcmp(c->exports[i].name.text, name))
			return &c->exports[i];
	return NULL;
}

static void unknown_export(struct conf_in *in, const struct conf *c, const struct conf_str *name)
{
	char names[NAMES_TEXT] = "";
	size_t i, used = 0, len;
	const char *near;

	for (i = 0; i < c->n_exports && used + strlen(c->exports[i].name.text) + 2 < sizeof(names); i++)
		used += (size_t)sprintf(names + used, "%s%s", used ? " " : "", c->exports[i].name.text);
	near = conf_near(name->text, names, &len);
	if (near)
		diag_error(in->d, in->file, name->line, "export = '%s': did you mean '%.*s'?", name->text, (int)len, near);
	else
		diag_error(in->d, in->file, name->line, "export = '%s': there is no [export %s]%s%s", name->text,
			   name->text, used ? "; there are " : "", names);
}

static void check_names(struct conf_in *in, const struct conf *c, const struct conf_strs *names)
{
	size_t i, k;

	for (i = 0; i < names->n; i++) {
		if (!find_export(c, names->v[i].text))
			unknown_export(in, c, &names->v[i]);
		for (k = 0; k < i && strcmp(names->v[i].text, names->v[k].text); k++)
			;
		if (k < i)
			diag_error(in->d, in->file, names->v[i].line, "export = '%s' again: first on line %u", names->v[i].text,
				   names->v[k].line);
	}
}

void conf_exports_check(struct conf_in *in, const struct conf *c)
{
	size_t i, k;

	for (i = 0; i < c->n_exports; i++) {
		check_own_path(in, c, &c->exports[i]);
		for (k = 0; k < i; k++) {
			check_shared_sets(in, &c->exports[i], &c->exports[k]);
			check_shared_path(in, &c->exports[i], &c->exports[k]);
		}
	}
	for (i = 0; i < c->n_profiles; i++)
		check_names(in, c, &c->profiles[i].export);
}

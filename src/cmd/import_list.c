/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_read.h"

#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/util.h"

/* Ends the text before a '#' that begins a word (or, `anywhere`, before the first). */
static void cut_comment(char *text, bool anywhere)
{
	for (char *p = strchr(text, '#'); p; p = strchr(p + 1, '#')) {
		if (anywhere || p == text || strchr(IMPORT_BLANKS, p[-1])) {
			*p = '\0';
			return;
		}
	}
}

static void keep(struct import *im, const char *text, size_t len)
{
	static const struct import_ports none;
	struct import_group *g = import_group(im, "", &none);

	if (g)
		import_keep(im, g, text, len, 0, NULL);
}

static void list_line(struct import *im, char *line)
{
	size_t len;

	cut_comment(line, false);
	line += strspn(line, IMPORT_BLANKS);
	len = strlen(line);
	while (len && strchr(IMPORT_BLANKS, line[len - 1]))
		len--;
	if (len)
		keep(im, line, len);
}

/* What a hosts file says of the machine itself, and what block lists write as a name that is none. */
static bool own_name(const char *name)
{
	static const char *const own[] = {
		"localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4", "localhost6",
		"localhost6.localdomain6", "local", "loopback", "broadcasthost", "0.0.0.0",
	};
	char host[256] = "";
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcasecmp(name, own[i]))
			return true;
	if (!strncasecmp(name, "ip6-", 4) && !strchr(name, '.'))
		return true;
	if (gethostname(host, sizeof(host) - 1) || !*host)
		return false;
	/* Either may be written with the domain, and the other without. */
	len = strcspn(host, ".");
	return !strcasecmp(name, host) || (!strncasecmp(name, host, len) && !name[len]) ||
	       (!host[len] && !strncasecmp(name, host, len) && !strcasecmp(name + len, ".localdomain"));
}

static void hosts_line(struct import *im, char *line)
{
	char *save = NULL, *first, *word;
	struct pattern p;
	struct addr a;
	size_t len;

	cut_comment(line, true);
	first = strtok_r(line, IMPORT_BLANKS, &save);
	if (!first)
		return;
	/* A scope names an interface of the machine that the file is from. */
	len = strchr(first, ':') ? strcspn(first, "%") : strlen(first);
	if (addr_parse(&a, first, len)) {
		import_complain(im, first, strlen(first), "expected an address, then names");
		return;
	}
	word = strtok_r(NULL, IMPORT_BLANKS, &save);
	if (!word)
		import_complain(im, first, strlen(first), "an address without a name");
	for (; word; word = strtok_r(NULL, IMPORT_BLANKS, &save)) {
		len = strlen(word);
		if (own_name(word))
			continue;
		if (!pattern_parse(&p, word, len, NULL, 0) && (p.stars || p.dot))
			import_complain(im, word, len, "a hosts file holds names, not patterns");
		else
			keep(im, word, len);
	}
}

const struct import_format import_list = { .name = "list", .what = "a list of patterns", .line = list_line };
const struct import_format import_hosts = { .name = "hosts", .what = "a hosts file", .line = hosts_line };

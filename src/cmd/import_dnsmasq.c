/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_read.h"

#include <string.h>

#include "base/util.h"

/*
 * The options of dnsmasq.conf that name domains: server=/NAME/NAME/…/WHAT. Its other options are no lists of
 * names. A NAME there is itself and all below it (a leading dot adds nothing), *.NAME what is
 * below it, *NAME all that ends so; # stands for every name.
 */

/* Whether text begins with an option that lists names; *arg is what follows it. */
static bool option(char *text, char **arg, bool *must)
{
	static const struct { const char *name; bool must; } options[] = {
		{ "server", false }, { "local", false }, { "address", true }, { "ipset", true }, { "nftset", true },
	};
	size_t len = strcspn(text, "= \t\v\f\r\n");

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strlen(options[i].name) == len && !memcmp(options[i].name, text, len)) {
			*arg = text + len;
			*must = options[i].must;
			return true;
		}
	}
	return false;
}

/*
 * Ends the line before a '#' that begins a word, takes quotes away, as dnsmasq does; between quotes neither
 * '#' nor a backslash is what it is else, and no name holds either. False: a quote is not closed.
 */
static bool unquote(char *text)
{
	bool quoted = false, blank = false;
	char *to = text;

	for (char *p = text; *p; p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && *p == '#' && blank)
			break;
		blank = strchr(IMPORT_BLANKS, *p);
		if (quoted && *p == '\\' && p[1])
			*to++ = *p++;
		*to++ = *p;
	}
	*to = '\0';
	return !quoted;
}

static void keep(struct import *im, const char *name, size_t len)
{
	static const struct import_ports none;
	struct import_group *g;
	char text[300];

	if (!len) {
		import_complain(im, "//", 2, "stands for names without a dot");
		return;
	}
	if (len == 1 && (*name == '#' || *name == '*')) {
		import_complain(im, name, len, "stands for every name");
		return;
	}
	if (memchr(name + 1, '*', len - 1)) {
		import_complain(im, name, len, "a star has a meaning for dnsmasq at the beginning only");
		return;
	}
	g = import_group(im, "", &none);
	if (!g)
		return;
	if (*name == '*' || *name == '.' || len > sizeof(text) - 1) {
		import_keep(im, g, name, len, 0, NULL);
	} else {
		text[0] = '.';
		memcpy(text + 1, name, len);
		import_keep(im, g, text, len + 1, 0, NULL);
	}
}

static void dnsmasq_line(struct import *im, char *line)
{
	char *name, *slash, *arg;
	bool must;

	line += strspn(line, IMPORT_BLANKS);
	if (!option(line, &arg, &must))
		return;
	if (!unquote(arg)) {
		import_complain(im, line, strlen(line), "a quote is not closed");
		return;
	}
	arg += strspn(arg, IMPORT_BLANKS);
	if (*arg != '=') {
		import_complain(im, line, strlen(line), "expected '=' behind the option");
		return;
	}
	arg++;
	arg += strspn(arg, IMPORT_BLANKS);
	/* server=ADDRESS is where all other names go: no name is in it. */
	if (*arg != '/') {
		if (must)
			import_complain(im, line, strlen(line), "expected /NAME/ behind '='");
		return;
	}
	if (!strchr(arg + 1, '/')) {
		import_complain(im, line, strlen(line), "expected a '/' behind the last name");
		return;
	}
	for (name = arg + 1; (slash = strchr(name, '/')); name = slash + 1)
		keep(im, name, (size_t)(slash - name));
}

const struct import_format import_dnsmasq = {
	.name = "dnsmasq", .what = "a configuration of dnsmasq", .line = dnsmasq_line,
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_read.h"

#include <string.h>

#include "base/util.h"

/*
 * Of AdGuard's rules those about a whole domain: ||NAME^ and @@||NAME^, or with ^| at the end. What a rule blocks or
 * lets through in a page, behind a path, or under a modifier has no name of DNS to it.
 */

/* The separators of rules on what is in a page; all begin with '#'. */
static bool cosmetic(const char *hash)
{
	static const char *const marks[] = {
		"##", "#@#", "#?#", "#@?#", "#$#", "#@$#", "#$?#", "#@$?#", "#%#", "#@%#",
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (!strncmp(hash, marks[i], strlen(marks[i])))
			return true;
	return false;
}

/* "! text", "# text", "####", "[Adblock Plus 2.0]"; but not "##.banner" or "[$app=x]||example.com^". */
static bool comment(const char *line, size_t len)
{
	if (*line == '!')
		return true;
	if (*line == '[')
		return line[1] != '$' && line[len - 1] == ']';
	if (strncmp(line, "##", 2) != 0)
		return *line == '#' && !cosmetic(line);
	return len == 2 || line[2] == '#' || strchr(IMPORT_BLANKS, line[2]);
}

static const char *why_not(const char *line, size_t len)
{
	const char *rule = !strncmp(line, "@@", 2) ? line + 2 : line;
	const char *hash = strchr(line, '#');

	if (*rule == '/' && strrchr(rule, '/') > rule)
		return "a regular expression is no name";
	for (; hash; hash = strchr(hash + 1, '#'))
		if (cosmetic(hash))
			return "a rule on what is in a page, not on a name";
	if (strchr(rule, '$'))
		return "a modifier ($...) narrows the rule, which a name cannot";
	if (strncmp(rule, "||", 2) != 0)
		return "expected ||NAME^ or @@||NAME^";
	if (strchr(rule, '/'))
		return "a path, which DNS does not see";
	if (strchr(rule, '*'))
		return "a star, which stands for any characters there, dots too";
	if (line[len - 1] == '^')
		return "expected a name between || and ^";
	return "expected '^' at its end: without it names that go on match too";
}

static void adguard_line(struct import *im, char *line)
{
	static const struct import_ports none;
	struct import_group *g;
	size_t len, name;
	char *rule;

	line += strspn(line, IMPORT_BLANKS);
	len = strlen(line);
	while (len && strchr(IMPORT_BLANKS, line[len - 1]))
		line[--len] = '\0';
	if (!len || comment(line, len))
		return;
	rule = !strncmp(line, "@@", 2) ? line + 2 : line;
	name = !strncmp(rule, "||", 2) ? strcspn(rule + 2, "^$/*|#" IMPORT_BLANKS) : 0;
	/* The '|' of ^| ends the host's name, where the rule without it ends too. */
	if (!name || (strcmp(rule + 2 + name, "^") != 0 && strcmp(rule + 2 + name, "^|") != 0)) {
		import_complain(im, line, len, why_not(line, len));
		return;
	}
	g = import_group(im, "", &none);
	if (!g)
		return;
	/* In the place of the second '|'. */
	rule[1] = '.';
	import_keep(im, g, rule + 1, name + 1, 0, NULL);
}

const struct import_format import_adguard = { .name = "adguard", .what = "an AdGuard list", .line = adguard_line };

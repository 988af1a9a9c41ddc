/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cmd/import_markdown.h"
#include "cmd/import_msdocs.h"
#include "cmd/import_table.h"

#define WORDS 12
#define DOUBTFUL 100			/* a rank behind all that are sure */

/* The heading's words in lower case, without the s of "endpoint(s)" and "URLs". */
struct words {
	char text[128];
	const char *v[WORDS];
	unsigned n;
};

static void split(struct words *w, const char *heading)
{
	char *save = NULL;
	size_t i;

	w->n = 0;
	for (i = 0; i < sizeof(w->text) - 1 && heading[i]; i++)
		w->text[i] = (char)name_lower((uint8_t)heading[i]);
	w->text[i] = '\0';
	for (char *word = strtok_r(w->text, " \t/()\\.,:&'-", &save); word && w->n < WORDS;
	     word = strtok_r(NULL, " \t/()\\.,:&'-", &save)) {
		size_t len = strlen(word);

		if (!strcmp(word, "addresses"))
			word[len - 2] = '\0';
		else if (len > 2 && word[len - 1] == 's' && strcmp(word, "dns") != 0)
			word[len - 1] = '\0';
		if (strcmp(word, "s") != 0)
			w->v[w->n++] = word;
	}
}

static bool in(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

static bool has(const struct words *w, const char *const *list)
{
	for (unsigned i = 0; i < w->n; i++)
		if (in(list, w->v[i]))
			return true;
	return false;
}

/* Where the list has the heading's first or last word, counted from 1; 0: nowhere. */
static unsigned place(const struct words *w, const char *const *list)
{
	for (unsigned i = 0; list[i]; i++)
		if (!strcmp(list[i], w->v[0]) || !strcmp(list[i], w->v[w->n - 1]))
			return i + 1;
	return 0;
}

/*
 * Decided by the first and the last word: "Destination", "Endpoint(s)", "URLs required on allow list",
 * "Service endpoint". `rank`: the lower, the surer, where a table has several.
 */
enum msdocs_column msdocs_column(struct import *im, const char *heading, unsigned *rank)
{
	static const char *const endpoints[] = {
		"destination", "endpoint", "fqdn", "hostname", "host", "domain", "url", "uri", NULL,
	};
	static const char *const maybe[] = { "name", "address", "server", "site", "website", NULL };
	static const char *const services[] = { "service", "area", "product", "feature", "component", NULL };
	static const char *const not_names[] = {
		"ip", "description", "purpose", "type", "id", "documentation", "reference", "detail", "version", "use",
		"used", "more", NULL,
	};
	static const char *const protocols[] = { "protocol", NULL }, *const ports[] = { "port", NULL };
	static const char *const before_name[] = { "host", "domain", "dns", NULL };
	static const char *const sources[] = { "source", "local", NULL };
	char *text = import_markdown_plain(im, heading, IMPORT_LINKS_TEXT);
	struct words w;

	*rank = 0;
	if (!text)
		return MSDOCS_OTHER;
	split(&w, import_markdown_unbold(import_table_trim(text)));
	if (!w.n)
		return MSDOCS_OTHER;
	if (has(&w, protocols))
		return MSDOCS_PROTOCOL;
	if (has(&w, ports) && !has(&w, sources))
		return MSDOCS_PORT;
	if (has(&w, not_names))
		return MSDOCS_OTHER;
	*rank = place(&w, endpoints);
	if (*rank || (w.n > 1 && !strcmp(w.v[w.n - 1], "name") && in(before_name, w.v[w.n - 2])))
		return MSDOCS_ENDPOINT;
	if (in(services, w.v[w.n - 1]))
		return MSDOCS_SERVICE;
	*rank = DOUBTFUL;
	return place(&w, maybe) && w.n <= 2 ? MSDOCS_MAYBE : MSDOCS_OTHER;
}

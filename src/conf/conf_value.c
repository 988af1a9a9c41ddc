/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_value.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

#define SHOWN 80			/* of a bad value */
#define NUMBER_MAX ((uint64_t)1 << 62)

struct unit {
	const char *name;
	uint64_t times;
};

/* Largest first: what is printed takes the first that divides it. */
static const struct unit times[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const struct unit sizes[] = { { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 } };

static const char *unit_text(uint64_t v, const struct unit *u, size_t n, char *buf)
{
	size_t i = 0;

	while (i + 1 < n && v % u[i].times)
		i++;
	snprintf(buf, CONF_NUMBER_TEXT, "%llu%s", (unsigned long long)(v / u[i].times), u[i].name);
	return buf;
}

const char *conf_time_text(uint64_t ms, char *buf)
{
	return ms ? unit_text(ms, times, ARRAY_SIZE(times), buf) : strcpy(buf, "0s");
}

const char *conf_size_text(uint64_t bytes, char *buf)
{
	return bytes ? unit_text(bytes, sizes, ARRAY_SIZE(sizes), buf) : strcpy(buf, "0");
}

/* Digits and one of the units behind them. */
static int unit_parse(uint64_t *v, const char *text, const struct unit *u, size_t n)
{
	size_t digits = strspn(text, "0123456789"), i;
	uint64_t number = 0;

	if (!digits)
		return -EINVAL;
	for (i = 0; i < digits; i++) {
		number = number * 10 + (uint64_t)(text[i] - '0');
		if (number > NUMBER_MAX / 10)
			return -ERANGE;
	}
	for (i = 0; i < n; i++) {
		if (strcmp(u[i].name, text + digits))
			continue;
		if (number > NUMBER_MAX / u[i].times)
			return -ERANGE;
		*v = number * u[i].times;
		return 0;
	}
	return -EINVAL;
}

static int time_parse(uint64_t *ms, const char *text)
{
	if (!strcmp(text, "0")) {
		*ms = 0;
		return 0;
	}
	return unit_parse(ms, text, times, ARRAY_SIZE(times));
}

bool conf_type_list(enum conf_type type)
{
	return type >= CONF_WORDS && type <= CONF_SINKHOLE;
}

/* "a, b or c" */
static void words_text(const char *words, char *buf, size_t cap)
{
	size_t used = 0, n;

	for (; *words && used < cap; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		used += (size_t)snprintf(buf + used, cap - used, "%.*s%s", (int)n, words,
					 !words[n] ? "" : strchr(words + n + 1, ' ') ? ", " : " or ");
	}
}

const char *conf_expected(const struct conf_option *o, char *buf, size_t cap)
{
	static const char *const fixed[] = {
		[CONF_BOOL] = "yes or no", [CONF_WORD] = "one word", [CONF_TEXT] = "text", [CONF_WORDS] = "words",
		[CONF_SET] = "FAMILY TABLE SET with FAMILY inet, ip or ip6, or the name of an ipset",
		[CONF_CATALOGS] = "CATALOG or CATALOG/GROUP, names of letters, digits, '-', '_' and '.'",
		[CONF_ENDPOINTS] = "ADDR@PORT or ADDR", [CONF_PREFIXES] = "ADDR/BITS or ADDR",
		[CONF_PORTS] = "tcp/PORT or udp/PORT", [CONF_TYPES] = "types that a name can be asked for, like AAAA",
		[CONF_SINKHOLE] = "an IPv4 address, an IPv6 address or both", [CONF_LINES] = "a value",
	};
	char lo[CONF_NUMBER_TEXT], hi[CONF_NUMBER_TEXT];

	switch (o->type) {
	case CONF_EITHER:
	case CONF_CHOICE:
	case CONF_NAMES:
		words_text(o->words, buf, cap);
		break;
	case CONF_COUNT:
	case CONF_AUTO:
	case CONF_LARGE:
		snprintf(buf, cap, "a number from %llu to %llu%s", (unsigned long long)o->min, (unsigned long long)o->max,
			 o->type == CONF_AUTO ? ", or auto" : "");
		break;
	case CONF_SECONDS:
	case CONF_MILLIS:
		snprintf(buf, cap, "a time from %s to %s with its unit, %ss, m, h or d", conf_time_text(o->min, lo),
			 conf_time_text(o->max, hi), o->type == CONF_MILLIS ? "ms, " : "in whole seconds: ");
		break;
	case CONF_SIZE:
		snprintf(buf, cap, "a size from %s to %s, in K, M, G or bytes", conf_size_text(o->min, lo),
			 conf_size_text(o->max, hi));
		break;
	case CONF_PATH:
	case CONF_PATHS:
		snprintf(buf, cap, "a path of at most %llu bytes", (unsigned long long)o->max);
		break;
	default:
		snprintf(buf, cap, "%s", fixed[o->type]);
	}
	return buf;
}

void conf_bad(struct conf_in *in, const struct conf_option *o, const char *text, unsigned line)
{
	/* a '#' ends a value in plain lists and in other programs' files */
	bool comment = *text == '#' || strstr(text, " #") || strstr(text, "\t#");
	char expected[256];

	diag_error(in->d, in->file, line, "%s = '%.*s%s': expected %s%s", o->key, SHOWN, text,
		   strlen(text) > SHOWN ? "…" : "", conf_expected(o, expected, sizeof(expected)),
		   comment ? "; a comment behind a value begins with ';'" : "");
}

size_t conf_dir_length(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? (size_t)(slash + 1 - file) : 0;
}

const char *conf_path(struct conf_in *in, const char *text)
{
	const char *p = arena_printf(in->a, "%.*s%s", *text == '/' ? 0 : (int)conf_dir_length(in->file), in->file, text);

	if (!p)
		in->starved = true;
	return p;
}

static int bool_parse(bool *v, const char *text)
{
	static const char *const yes[] = { "yes", "on", "true" }, *const no[] = { "no", "off", "false" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(text, yes[i]) && strcmp(text, no[i]))
			continue;
		*v = !strcmp(text, yes[i]);
		return 0;
	}
	return -EINVAL;
}

/* The number of the word in `words`. */
static int word_parse(unsigned *v, const char *text, const char *words)
{
	size_t n;
	unsigned i;

	for (i = 0; *words; words += n + (words[n] == ' '), i++) {
		n = strcspn(words, " ");
		if (strlen(text) != n || memcmp(text, words, n))
			continue;
		*v = i;
		return 0;
	}
	return -EINVAL;
}

static int number_parse(const struct conf_option *o, const char *text, uint64_t *v)
{
	static const struct unit one = { "", 1 };
	int rc;

	if (o->type == CONF_AUTO && !strcmp(text, "auto")) {
		*v = 0;
		return 0;
	}
	if (o->type == CONF_SECONDS || o->type == CONF_MILLIS)
		rc = time_parse(v, text);
	else if (o->type == CONF_SIZE || o->type == CONF_LARGE)
		rc = unit_parse(v, text, sizes, ARRAY_SIZE(sizes));
	else
		rc = unit_parse(v, text, &one, 1);
	if (rc)
		return rc;
	if (*v < o->min || *v > o->max)
		return -ERANGE;
	if (o->type == CONF_SECONDS) {
		if (*v % 1000)
			return -EINVAL;
		*v /= 1000;
	}
	return 0;
}

static int number_set(const struct conf_option *o, void *field, const char *text)
{
	uint64_t v;
	int rc = number_parse(o, text, &v);

	if (rc)
		return rc;
	if (o->type == CONF_SIZE || o->type == CONF_LARGE)
		*(uint64_t *)field = v;
	else
		*(uint32_t *)field = (uint32_t)v;
	return 0;
}

static int text_set(struct conf_in *in, const struct conf_option *o, struct conf_str *field, const char *text,
		    unsigned line)
{
	if (o->type == CONF_WORD && (text[strcspn(text, " \t")] || strlen(text) > o->max))
		return -EINVAL;
	if (o->type == CONF_PATH && *text) {
		text = conf_path(in, text);
		if (!text)
			return 0;
		if (strlen(text) > o->max)
			return -ERANGE;
	}
	*field = (struct conf_str){ text, line };
	return 0;
}

static void scalar_set(struct conf_in *in, const struct conf_option *o, void *field, const char *text, unsigned line)
{
	unsigned choice;
	int rc;

	switch (o->type) {
	case CONF_BOOL:
		rc = bool_parse(field, text);
		break;
	case CONF_EITHER:
		rc = word_parse(&choice, text, o->words);
		if (!rc)
			*(bool *)field = choice;
		break;
	case CONF_CHOICE:
		rc = word_parse(field, text, o->words);
		break;
	case CONF_WORD:
	case CONF_PATH:
	case CONF_TEXT:
		rc = text_set(in, o, field, text, line);
		break;
	case CONF_SET:
		rc = conf_set_parse(in, field, text, line);
		break;
	default:
		rc = number_set(o, field, text);
	}
	if (rc)
		conf_bad(in, o, text, line);
}

static const char *join(struct conf_in *in, const struct conf_str *lines, size_t n)
{
	size_t i, len = 0;
	char *all, *p;

	for (i = 0; i < n; i++)
		len += strlen(lines[i].text) + 1;
	all = p = arena_alloc(in->a, len + 1);
	for (i = 0; i < n && all; i++) {
		if (i)
			*p++ = ' ';
		p = stpcpy(p, lines[i].text);
	}
	return all;
}

static size_t count_words(const struct conf_str *lines, size_t n)
{
	size_t i, count = 0;
	const char *s;

	for (i = 0; i < n; i++)
		for (s = lines[i].text; *(s += strspn(s, " \t")); s += strcspn(s, " \t"))
			count++;
	return count;
}

static void list_set(struct conf_in *in, const struct conf_option *o, void *section, const struct conf_str *lines,
		     size_t n, unsigned line)
{
	size_t n_words = count_words(lines, n), i, k = 0, len;
	struct conf_str *words = arena_array(in->a, n_words, sizeof(*words));
	const char *s;

	if (!words) {
		in->starved = true;
		return;
	}
	for (i = 0; i < n; i++) {
		for (s = lines[i].text; *(s += strspn(s, " \t")); s += len) {
			len = strcspn(s, " \t");
			/* meant as a comment, and one error is enough for it; a path may begin so */
			if (*s == '#' && o->type != CONF_PATHS) {
				conf_bad(in, o, s, lines[i].line);
				break;
			}
			words[k] = (struct conf_str){ arena_text(in->a, s, len), lines[i].line };
			if (!words[k++].text) {
				in->starved = true;
				return;
			}
		}
	}
	conf_list_set(in, o, section, words, k, line);
}

void conf_value_set(struct conf_in *in, const struct conf_option *o, void *section, const struct conf_str *lines,
		    size_t n, unsigned line)
{
	const char *text = "";

	if (conf_type_list(o->type)) {
		list_set(in, o, section, lines, n, line);
		return;
	}
	if (n)
		text = o->type == CONF_TEXT ? join(in, lines, n) : lines[0].text;
	if (!text) {
		in->starved = true;
		return;
	}
	scalar_set(in, o, (char *)section + o->offset, text, n && line ? lines[0].line : line);
}

void conf_value_default(struct conf_in *in, const struct conf_option *o, void *section)
{
	struct conf_str def = { o->def, 0 };
	bool text = (o->type >= CONF_WORD && o->type <= CONF_TEXT) || conf_type_list(o->type);

	if (o->type != CONF_LINES && (o->def || text))
		conf_value_set(in, o, section, &def, o->def ? 1 : 0, 0);
}

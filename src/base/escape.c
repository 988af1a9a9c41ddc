/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/escape.h"

#include <stdbool.h>

static bool of_word(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.';
}

static bool of_sentence(uint8_t c)
{
	return c >= ' ' && c < 0x7f && c != '\\';
}

static size_t escape(char *out, size_t cap, const uint8_t *p, size_t len, bool (*is_plain)(uint8_t c))
{
	size_t n = 0, i;

	if (!cap)
		return 0;
	for (i = 0; i < len; i++) {
		uint8_t c = p[i];
		bool plain = is_plain(c);

		if (n + (plain ? 1 : 4) >= cap)
			break;
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = (char)('0' + c / 100);
		out[n++] = (char)('0' + c / 10 % 10);
		out[n++] = (char)('0' + c % 10);
	}
	out[n] = '\0';
	return n;
}

size_t escape_text(char *out, size_t cap, const uint8_t *p, size_t len)
{
	return escape(out, cap, p, len, of_word);
}

size_t escape_sentence(char *out, size_t cap, const uint8_t *p, size_t len)
{
	return escape(out, cap, p, len, of_sentence);
}

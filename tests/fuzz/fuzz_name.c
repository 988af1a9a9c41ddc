/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "dns/name.h"
#include "fuzz.h"

/* The input as a name's text, and as a message that names are read from. */

static void check_name(const struct name *n)
{
	uint8_t off[NAME_MAX_LABELS + 1];
	struct name again, parent = *n;
	char text[NAME_TEXT];
	size_t at = 0;
	unsigned labels = 0;

	CHECK(n->len >= 1 && n->labels <= NAME_MAX_LABELS && n->wire[n->len - 1] == 0);
	CHECK(!name_read(&again, n->wire, n->len, &at) && at == n->len && name_equal(&again, n));
	CHECK(again.labels == n->labels);
	name_text(n, text);
	CHECK(strlen(text) < NAME_TEXT);
	CHECK(!name_from_text(&again, text, strlen(text)));
	CHECK(name_equal(&again, n) && again.labels == n->labels);
	CHECK(name_is(n, n->wire, n->len, 0) && name_under(n, n) && name_under(n, &name_root));
	name_offsets(n, off);
	for (; parent.labels; labels++) {
		CHECK(name_under(n, &parent) && parent.len == n->len - off[labels]);
		name_parent(&parent, &parent, 1);
	}
	CHECK(labels == n->labels && off[labels] == n->len - 1 && name_equal(&parent, &name_root));
}

static void check_replace(const struct name *a, const struct name *b)
{
	struct name out, parent;

	for (unsigned i = 0; i <= a->labels; i++) {
		name_parent(&parent, a, i);
		if (name_replace(&out, a, &parent, b))
			continue;
		CHECK(out.labels == i + b->labels && name_under(&out, b));
		check_name(&out);
	}
}

/* All readers agree on where a name ends, and on what it is. */
static void check_message(const uint8_t *data, size_t size, struct name *last)
{
	for (size_t start = 0; start < size; start++) {
		size_t read = start, cased = start, plain = start, skipped = start;
		struct name n, spelt, alone;

		if (name_read(&n, data, size, &read)) {
			CHECK(name_read_case(&spelt, data, size, &cased, true));
			continue;
		}
		CHECK(!name_read_case(&spelt, data, size, &cased, true) && cased == read);
		CHECK(!name_skip(data, size, &skipped) && skipped == read);
		CHECK(name_is(&n, data, size, start) && name_is(&spelt, data, size, start));
		name_fold(&spelt);
		CHECK(name_equal(&n, &spelt));
		if (!name_read_case(&alone, data, size, &plain, false))
			CHECK(plain == read && plain - start == n.len);
		/* one byte less, and it is none */
		plain = start;
		CHECK(name_read(&alone, data, read - 1, &plain));
		CHECK(!name_is(&n, data, read - 1, start));
		if (start % 16 == 0)
			check_name(&n);
		*last = n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct name n, last = name_root;

	if (size > 1024)
		size = 1024;
	check_message(data, size, &last);
	if (!name_from_text(&n, (const char *)data, size)) {
		check_name(&n);
		check_replace(&n, &last);
		check_replace(&last, &n);
	}
	return 0;
}

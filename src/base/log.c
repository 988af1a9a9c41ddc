/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static _Atomic int max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

static void put(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "debug: " };
	char line[LINE_MAX_BYTES];
	size_t n, i, room;
	int err = errno;
	ssize_t r;
	int want;

	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	n = (size_t)snprintf(line, sizeof(line), "postern: %s", prefix[level]);
	room = sizeof(line) - n - 1;
	want = vsnprintf(line + n, room, fmt, ap);
	if (want > 0 && (size_t)want >= room) {
		memcpy(line + sizeof(line) - 5, "...", 3);
		n = sizeof(line) - 2;
	} else if (want > 0) {
		n += (size_t)want;
	}
	/* One message is one line, whatever a library put into its text. */
	for (i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
	line[n++] = '\n';
	do {
		r = write(STDERR_FILENO, line, n);
	} while (r < 0 && errno == EINTR);
	errno = err;
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_WARN, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

void log_lines(void (*say)(const char *fmt, ...), const char *before, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len)
			say("%s%.*s", before, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

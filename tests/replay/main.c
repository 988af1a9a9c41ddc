/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "command.h"
#include "scene.h"

/* Runs every script named, in every way its choices can go, and says FILE:LINE of what is wrong. */

static const char *path;
static unsigned line, faults;

void fake_fault(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", path, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s\n", choices_text());
	faults++;
}

static void check_answered(void)
{
	for (const struct question *q = scene.questions; q; q = q->next) {
		if (q->reply && !q->answered)
			fake_fault("%s: has a reply that the script does not look at", q->label);
	}
}

static bool closes_itself(const struct script *s)
{
	return s->n && !strncmp(s->commands[s->n - 1].text, "CLOSE", 5);
}

static void run_once(const struct script *s)
{
	unsigned before = faults;

	vars_clear();
	fake_time_reset();
	scene_default_catalog();
	for (size_t i = 0; i < s->n && faults == before; i++) {
		line = s->commands[i].line;
		command_run(&s->commands[i]);
	}
	if (faults == before && scene.worker) {
		check_answered();
		if (!closes_itself(s))
			scene_check_quiet();
	}
	scene_end();
}

static unsigned run_script(const char *name)
{
	unsigned before = faults, runs = 0;
	struct script s;

	path = name;
	line = 0;
	if (!script_read(&s, name)) {
		fake_fault("cannot be read");
		return 0;
	}
	choices_start();
	do {
		run_once(&s);
		runs++;
	} while (faults == before && choices_next());
	script_free(&s);
	return runs;
}

/* A place for configurations and catalogues. */
static bool make_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char zones[PATH_LEN + 8];

	snprintf(scene.dir, sizeof(scene.dir), "%s/postern-replay-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(scene.dir)) {
		perror(scene.dir);
		return false;
	}
	snprintf(zones, sizeof(zones), "%s/zones", scene.dir);
	return mkdir(zones, 0700) == 0;
}

static void remove_dir(void)
{
	char command[PATH_LEN + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", scene.dir);
	if (system(command))
		fprintf(stderr, "%s: not removed\n", scene.dir);
}

int main(int argc, char **argv)
{
	unsigned failed = 0, runs = 0;

	heap_watch();
	log_set_level(getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	if (!make_dir())
		return 1;
	for (int i = 1; i < argc; i++) {
		unsigned before = faults;

		runs += run_script(argv[i]);
		failed += faults != before;
	}
	remove_dir();
	printf("replay: %d scripts, %u runs, %u failed\n", argc - 1, runs, failed);
	return failed || argc < 2;
}

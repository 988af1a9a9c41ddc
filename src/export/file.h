/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_FILE_H
#define EXPORT_FILE_H

/* kind = file from inside: file.c is the sink, file_write.c writes what it holds, a part a turn. */

#include "export/file_keep.h"
#include "export/line_text.h"
#include "export/sink.h"

/* What an element bears beside its key and its end. */
struct file_more {
	char *name;			/* behind the ports */
	size_t n_ports;
	struct conf_port ports[];
};

struct file_set {
	struct sink_set *set;		/* NULL: not taken in */
	char name[sizeof(((struct sink_set *)0)->what)];	/* "inet lockdown update4", or "" */
	struct keep keep;
};

/* One of the two files. */
struct file_out {
	char *name, *temp;		/* in the folder; NULL: this one is not written */
	int fd;
	struct text text;
};

struct file_writer {
	int folder;
	struct file_out script, json;
	const char *export;		/* the section's name */
	struct file_set *sets;		/* two */
	size_t at_set, at;		/* how far it is */
	size_t in_block;		/* elements in the script's command */
	bool under_way, any;
	uint64_t next_end;		/* mono_us: when the first of what was written ends, or TIMERS_NEVER */
};

/* Opens the folder of `path`. 0 or -errno. */
must_check int file_writer_init(struct file_writer *w, const char *path, const char *export, struct file_set *sets);
void file_writer_free(struct file_writer *w);
/* Begins anew. 0 or -errno: then nothing is under way. */
must_check int file_writer_start(struct file_writer *w);
/* Writes a part: 1 when there is more, 0 when the files stand in their places, -errno. Drops what has ended. */
must_check int file_writer_step(struct file_writer *w, uint64_t now_us);

#endif

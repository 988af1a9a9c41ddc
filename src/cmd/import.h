/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_H
#define CMD_IMPORT_H

/*
 * postern import: turns a published list into a catalogue on standard output. What could
 * not be read goes to standard error as FILE:LINE: error: …, the rest is
 * written all the same. `path` "-" is standard input. The exit status: 0, 1 with lines that could not
 * be read (or no file), 2 with a format that there is not.
 */
int import_main(const char *format, const char *path);

#endif

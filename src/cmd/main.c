/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/util.h"
#include "cmd/cmd.h"
#include "cmd/import.h"
#include "conf/conf.h"

enum option {
	OPT_JSON = 1, OPT_STRICT = 2, OPT_ALL = 4, OPT_LIVE = 8, OPT_CLIENT = 16, OPT_DIFF = 32, OPT_TAKEOVER = 64,
	OPT_SINCE = 128, OPT_CLOSE = 256, OPT_LEVEL = 512, OPT_PREFIX = 1024,
};

static int cmd_import(const struct cmd_options *o)
{
	return import_main(o->args[0], o->args[1]);
}

static const struct command {
	const char *name, *args, *help;
	int min, max;			/* words besides options; max -1: any number */
	unsigned options;
	int (*run)(const struct cmd_options *o);
} commands[] = {
	{ "run", "[-v|-q]", "serves in the foreground until SIGTERM or SIGINT; SIGHUP reloads",
	  0, 0, OPT_TAKEOVER | OPT_LEVEL, cmd_run },
	{ "check", "[--all] [--strict] [--json] [CATALOG...]", "reads configuration and catalogues and lists what is wrong",
	  0, -1, OPT_ALL | OPT_STRICT | OPT_JSON, cmd_check },
	{ "explain", "NAME [TYPE] [--client ADDR] [--json] [--live]", "says what NAME would get, and why",
	  1, 2, OPT_CLIENT | OPT_JSON | OPT_LIVE, cmd_explain },
	{ "catalog", "[--json] [NAME[/GROUP] | --diff A B]",
	  "lists the catalogues found, the groups and entries of one, or what A has and B lacks",
	  0, 2, OPT_JSON | OPT_DIFF, cmd_catalog },
	{ "import", "FORMAT FILE",
	  "turns a published list (-: standard input) of a format into a catalogue: list, hosts, dnsmasq, adguard, rpz, "
	  "tsv, msdocs or m365",
	  2, 2, 0, cmd_import },
	{ "suggest", "[--client PREFIX] [--since TIME]",
	  "writes a catalogue from what audit mode recorded, for review",
	  0, 0, OPT_PREFIX | OPT_SINCE, cmd_suggest },
	{ "status", "[--json]", "shows counters, cache, upstream servers and sets of the running postern",
	  0, 0, OPT_JSON, cmd_status },
	{ "leases", "[--json] [--close] [ADDRESS]", "shows what the firewall has open, and for which names, or closes it",
	  0, 1, OPT_JSON | OPT_CLOSE, cmd_leases },
	{ "blocked", "[--json]", "lists the names most refused",
	  0, 0, OPT_JSON, cmd_blocked },
	{ "reload", "", "makes the running postern read configuration and catalogues again",
	  0, 0, 0, cmd_reload },
	{ "flush", "[NAME]", "empties the running postern's answer cache, of NAME and below",
	  0, 1, 0, cmd_flush },
};

/* Options of every command: what they are called, where they go, and what --help says of them. */
static const struct {
	const char *text;
	enum option option;
	size_t flag, value;		/* offset of a bool to set, or of a text to take; 0: none */
	int level;
	const char *takes, *help;	/* takes: what the value is called, or "" */
} options[] = {
	{ "-v", OPT_LEVEL, 0, 0, 1, "", "says more, for debugging" },
	{ "-q", OPT_LEVEL, 0, 0, -1, "", "says warnings and errors only; given twice, errors only" },
	{ "--takeover", OPT_TAKEOVER, offsetof(struct cmd_options, takeover), 0, 0, "",
	  "takes the sockets over from one that serves already (not in this version)" },
	{ "--all", OPT_ALL, offsetof(struct cmd_options, all), 0, 0, "",
	  "checks every catalogue that is found, not only those that profiles use" },
	{ "--strict", OPT_STRICT, offsetof(struct cmd_options, strict), 0, 0, "",
	  "gives exit status 1 for warnings too, but not for accepted ones" },
	{ "--client", OPT_CLIENT, 0, offsetof(struct cmd_options, client), 0, "ADDR",
	  "answers for this client; without it for the profile default" },
	{ "--client", OPT_PREFIX, 0, offsetof(struct cmd_options, client), 0, "PREFIX",
	  "takes only what these clients asked" },
	{ "--since", OPT_SINCE, 0, offsetof(struct cmd_options, since), 0, "TIME",
	  "takes only what was asked for since then, as 2d or 2026-11-20T08:00 (UTC)" },
	{ "--live", OPT_LIVE, offsetof(struct cmd_options, live), 0, 0, "",
	  "also asks upstream, and judges every link of the chain" },
	{ "--diff", OPT_DIFF, offsetof(struct cmd_options, diff), 0, 0, "",
	  "lists what catalogue A has and B lacks: --diff A B; either may be CATALOG/GROUP" },
	{ "--close", OPT_CLOSE, offsetof(struct cmd_options, close), 0, 0, "", "closes them now, and forgets their cached answers and learned names" },
	{ "--json", OPT_JSON, offsetof(struct cmd_options, json), 0, 0, "", "prints JSON" },
};

int cmd_not_yet(const char *what)
{
	fprintf(stderr, "postern: %s: not in this version\n", what);
	return 1;
}

static int usage(const struct command *c)
{
	if (c)
		fprintf(stderr, "usage: postern [-c FILE] %s%s%s\n", c->name, c->args[0] ? " " : "", c->args);
	else
		fprintf(stderr, "usage: postern [-c FILE] COMMAND [ARGS]   (postern --help lists the commands)\n");
	return 2;
}

static int help_command(const struct command *c)
{
	char option[32];

	printf("postern [-c FILE] %s%s%s\n\n%s\n\n", c->name, c->args[0] ? " " : "", c->args, c->help);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!(c->options & options[i].option))
			continue;
		snprintf(option, sizeof(option), "%s %s", options[i].text, options[i].takes);
		printf("  %-16s %s\n", option, options[i].help);
	}
	printf("  %-16s %s\n", "--help", "shows this");
	return 0;
}

static int help(void)
{
	printf("postern [-c FILE] COMMAND [ARGS]          FILE: %s\n\n", CONF_DEFAULT_FILE);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-*s %s\n            %s\n", commands[i].args[0] ? 9 : 0, commands[i].name, commands[i].args,
		       commands[i].help);
	printf("\npostern --version shows the version, postern COMMAND --help a command's options.\n"
	       "postern(8), postern.conf(5) and postern-catalog(5) say more.\n");
	return 0;
}

/* Takes the option at argv[*i]; false: unknown to this command, or without its value. */
static bool take_option(struct cmd_options *o, const struct command *c, char **argv, int argc, int *i)
{
	for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
		if (strcmp(argv[*i], options[k].text) != 0 || !(c->options & options[k].option))
			continue;
		if (options[k].flag)
			*(bool *)((char *)o + options[k].flag) = true;
		o->verbose += options[k].level;
		if (!options[k].value)
			return true;
		if (*i + 1 == argc)
			return false;
		*(const char **)((char *)o + options[k].value) = argv[++*i];
		return true;
	}
	return false;
}

static int run_command(struct cmd_options *o, const struct command *c, char **argv, int argc)
{
	o->args = argv;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return help_command(c);
		if (argv[i][0] == '-' && argv[i][1]) {
			if (!take_option(o, c, argv, argc, &i))
				return usage(c);
			continue;
		}
		o->args[o->n_args++] = argv[i];
	}
	if (o->n_args < c->min || (c->max >= 0 && o->n_args > c->max))
		return usage(c);
	return c->run(o);
}

int main(int argc, char **argv)
{
	struct cmd_options o = { .file = CONF_DEFAULT_FILE };
	int i = 1;

	hash_init();
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return help();
		if (strcmp(argv[i], "--version") == 0) {
			printf("postern %s\n", POSTERN_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "-c") != 0 || i + 1 == argc)
			return usage(NULL);
		o.file = argv[++i];
		o.file_written = true;
	}
	if (i == argc)
		return usage(NULL);
	for (size_t k = 0; k < ARRAY_SIZE(commands); k++) {
		if (strcmp(argv[i], commands[k].name) == 0)
			return run_command(&o, &commands[k], argv + i + 1, argc - i - 1);
	}
	return usage(NULL);
}

/*
 * options - a command's options and arguments, parsed as the official client does
 *
 * Options and arguments may be mixed; `--` ends options; no abbreviations; of a repeated option the
 * last counts. The first thing that is wrong becomes the usage error, in the official order:
 * unknown options, then values in the order of the line, then missing arguments, then what is too
 * much.
 *
 * Owner: values point into argv; parsed_done() frees the lists.
 */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include "common/util.h"

#define OPTIONS_MAX 24
#define OPTIONS_LIFE_MAX_USEC (UINT64_C(366) * 24 * 3600 * 1000000) /* the daemon's, too */
#define OPTIONS_TEXT_MAX 512

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_FLOAT,  /* > min, or >= min */
	OPTION_INT,    /* >= min */
	OPTION_CHOICE, /* case does not count; the value is the choice as listed */
	OPTION_TIME,   /* a date, or a date and a time, in UTC */
	OPTION_LIFE,   /* a duration: 90, 90s, 5m, 24h, 7d, up to OPTIONS_LIFE_MAX_USEC */
};

struct option {
	const char *name;       /* "--timeout" */
	const char *short_name; /* "-t", or NULL */
	enum option_kind kind;
	const char *off;            /* flag: the name that turns it off, "--no-wait" */
	const char *const *choices; /* NULL-terminated */
	double min;
	bool min_open;
	bool many;  /* repeatable: see `list` */
	bool early; /* known only before the first argument */
};

struct option_value {
	bool set, on; /* on: the flag's last word */
	const char *text;
	double number;
	int64_t integer;   /* int; time: ms since the epoch; life: ms */
	const char **list; /* NULL-terminated */
	size_t n;
};

struct parsed;
struct cli;

struct command {
	const char *name;     /* "ls", "files read" */
	const char *synopsis; /* "[OPTIONS] SANDBOX_ID" */
	const char *help;     /* all of it after the usage line */
	const struct option *options;
	size_t n_options;
	/* NULL-terminated; "NAME..." takes one or more, "[NAME]" none or one, and only as last */
	const char *const *arguments;
	bool official;       /* some usage errors are told without the usage line */
	bool passes_unknown; /* unknown options are arguments */
	bool takes_rest;     /* what follows `--` is kept apart */
	int (*run)(struct cli *cli, const struct parsed *p);
};

struct parsed {
	const struct command *command;
	struct option_value values[OPTIONS_MAX];
	const char **args; /* NULL-terminated */
	size_t n_args;
	char **made;       /* memory of arguments that were put together */
	const char **rest; /* after `--`, of a command that takes_rest; NULL-terminated */
	size_t n_rest;
};

/* What is wrong with a command line. */
struct usage_error {
	char text[OPTIONS_TEXT_MAX];
	bool bare; /* told without the usage line */
};

#define OPTIONS_E_HELP 1  /* --help was asked for */
#define OPTIONS_E_USAGE 2 /* see the usage error */
/* See there too: an argument of an official command is empty, which the official client leaves to
 * the service to refuse, and which is no usage error then. */
#define OPTIONS_E_EMPTY 3

/* argv: what follows the command's name. */
int options_parse(struct parsed *p, const struct command *command, int argc, char *const *argv,
	struct usage_error *e);
void parsed_done(struct parsed *p);

/* The value of an option of the command, by its long name. */
const struct option_value *parsed_get(const struct parsed *p, const char *name);
bool parsed_on(const struct parsed *p, const char *name);
const char *parsed_text(const struct parsed *p, const char *name); /* NULL if not given */

/* A value that no option of the line holds, as from the environment: OPTIONS_E_USAGE. */
int option_check(
	const struct option *o, const char *text, struct option_value *v, struct usage_error *e);
/* A POSIX shell line as argv (quotes and backslashes, no expansion): NULL-terminated, one malloc'd
 * block. -EINVAL: *ret_why. */
int options_split(const char *line, const char ***ret, const char **ret_why);

#endif

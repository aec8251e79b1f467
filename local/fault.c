#include "local/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the words ---- */

enum value { VALUE_NONE, VALUE_NUMBER, VALUE_SWITCH, VALUE_STATUS, VALUE_WORD };
enum option {
	OPTION_ALL = 1,
	OPTION_NEXT = 2,
	OPTION_COUNT = 4,
	OPTION_METHOD = 8,
	OPTION_SANDBOX = 16,
	OPTION_REASON = 32,
	OPTION_RETRY = 64,
	OPTION_TEXT = 128,
};

static const struct word {
	const char *name;
	enum value value;
	uint64_t max; /* of a number */
	unsigned options;
	const char *usage;
} words[_FAULT_VERB_N] = {
	/* clang-format off */
	[FAULT_HELP]      = { "help", VALUE_NONE, 0, 0, "" },
	[FAULT_LIST]      = { "list", VALUE_NONE, 0, 0, "" },
	[FAULT_CLEAR]     = { "clear", VALUE_NONE, 0, 0, "" },
	[FAULT_RST]       = { "rst", VALUE_NONE, 0, 0, "" },
	[FAULT_GOAWAY]    = { "goaway", VALUE_NONE, 0, OPTION_NEXT, " [next]" },
	[FAULT_REFUSE]    = { "refuse", VALUE_NUMBER, FAULT_SECONDS_MAX, 0, " SECONDS" },
	[FAULT_BLACKHOLE] = { "blackhole", VALUE_NUMBER, FAULT_SECONDS_MAX, 0, " SECONDS" },
	[FAULT_DELAY]     = { "delay", VALUE_NUMBER, FAULT_DELAY_MSEC_MAX, 0, " MILLISECONDS" },
	[FAULT_STALL]     = { "stall", VALUE_SWITCH, 0, 0, " on|off" },
	[FAULT_STREAMS]   = { "streams", VALUE_NUMBER, FAULT_COUNT_MAX, 0, " N" },
	[FAULT_STATUS]    = { "status", VALUE_STATUS, 0,
		OPTION_COUNT | OPTION_METHOD | OPTION_REASON | OPTION_RETRY | OPTION_TEXT,
		" CODE [count=N] [method=NAME] [reason=WORD] [retry-ms=N] [-- TEXT]" },
	[FAULT_FAIL]      = { "fail", VALUE_STATUS, 0,
		OPTION_ALL | OPTION_METHOD | OPTION_SANDBOX | OPTION_REASON | OPTION_RETRY | OPTION_TEXT,
		" CODE [all] [method=NAME] [sandbox=ID] [reason=WORD] [retry-ms=N] [-- TEXT]" },
	[FAULT_END]       = { "end", VALUE_WORD, 0,
		OPTION_ALL | OPTION_METHOD | OPTION_SANDBOX | OPTION_TEXT,
		" CODE [all] [method=NAME] [sandbox=ID] [-- TEXT]" },
	/* clang-format on */
};

void fault_help(char *out, size_t cap)
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(words) && n < cap; i++)
		n += (size_t)snprintf(
			out + n, cap - n, "%s%s%s", i ? "; " : "", words[i].name, words[i].usage);
}

/* ---- a line ---- */

_printf_(2, 3) static int wrong(char why[FAULT_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, FAULT_WHY_MAX, fmt, ap);
	va_end(ap);
	return FAULT_E_WRONG;
}

static bool parse_number(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > max)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*ret = v;
	return v <= max;
}

/* By name or number; OK is no fault. */
static bool parse_status(const char *s, int *ret)
{
	uint64_t number;

	for (int code = GRPC_CANCELLED; code <= GRPC_UNAUTHENTICATED; code++)
		if (!strcmp(s, grpc_code_name(code))) {
			*ret = code;
			return true;
		}
	if (!parse_number(s, GRPC_UNAUTHENTICATED, &number) || !number)
		return false;
	*ret = (int)number;
	return true;
}

static bool copy_word(char out[FAULT_WORD_MAX + 1], const char *s)
{
	size_t n = strlen(s);

	if (!n || n > FAULT_WORD_MAX)
		return false;
	memcpy(out, s, n + 1);
	return true;
}

static int take_value(struct fault_command *c, const char *s, char why[FAULT_WHY_MAX])
{
	const struct word *w = &words[c->verb];
	bool ok = s != NULL;

	if (w->value == VALUE_NUMBER)
		ok = ok && parse_number(s, w->max, &c->number);
	else if (w->value == VALUE_STATUS)
		ok = ok && parse_status(s, &c->code);
	else if (w->value == VALUE_WORD)
		ok = ok && copy_word(c->word, s);
	else if (w->value == VALUE_SWITCH)
		ok = ok && (!strcmp(s, "on") || !strcmp(s, "off"));
	if (!ok)
		return wrong(why, "it is: %s%s", w->name, w->usage);
	c->on = !strcmp(s, "on");
	return 0;
}

/* NAME= of an option, or NULL. */
static const char *value_of(const char *s, const char *name)
{
	size_t n = strlen(name);

	return strncmp(s, name, n) ? NULL : s + n;
}

/* Which option it is, once its value was taken; 0: none, or its value is no good. */
static unsigned parse_option(struct fault_command *c, const char *s)
{
	const char *v;
	uint64_t msec;

	if (!strcmp(s, "all")) {
		c->all = true;
		return OPTION_ALL;
	}
	if (!strcmp(s, "next")) {
		c->next = true;
		return OPTION_NEXT;
	}
	if ((v = value_of(s, "count=")) != NULL)
		return parse_number(v, FAULT_COUNT_MAX, &c->count) && c->count ? OPTION_COUNT : 0;
	if ((v = value_of(s, "method=")) != NULL)
		return copy_word(c->method, v) ? OPTION_METHOD : 0;
	if ((v = value_of(s, "sandbox=")) != NULL)
		return copy_word(c->sandbox, v) ? OPTION_SANDBOX : 0;
	if ((v = value_of(s, "reason=")) != NULL)
		return copy_word(c->reason, v) ? OPTION_REASON : 0;
	v = value_of(s, "retry-ms=");
	if (!v || !parse_number(v, FAULT_SECONDS_MAX * UINT64_C(1000), &msec))
		return 0;
	c->has_retry = true;
	c->retry_usec = msec * USEC_PER_MSEC;
	return OPTION_RETRY;
}

static int find_verb(const char *s, enum fault_verb *ret)
{
	for (size_t i = 0; s && i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].name, s)) {
			*ret = (enum fault_verb)i;
			return 0;
		}
	return FAULT_E_WRONG;
}

/* Cuts the text off that follows "--". */
static char *cut_text(char *line)
{
	char *at = strstr(line, " --");

	if (!at || (at[3] && at[3] != ' '))
		return NULL;
	*at = 0;
	return at + 3 + (at[3] == ' ');
}

int fault_parse(const char *line, struct fault_command *ret, char why[FAULT_WHY_MAX])
{
	char buf[FAULT_LINE_MAX + 1], *rest = buf, *text, *s;
	struct fault_command c = { .count = 1 };
	const struct word *w;
	int r = 0;

	if (strlen(line) > FAULT_LINE_MAX)
		return wrong(why, "a line has at most %zu bytes", FAULT_LINE_MAX);
	memcpy(buf, line, strlen(line) + 1);
	text = cut_text(buf);
	if (find_verb(strsep(&rest, " "), &c.verb))
		return wrong(why, "there is no such command; 'help' lists them");
	w = &words[c.verb];
	if (w->value != VALUE_NONE)
		r = take_value(&c, strsep(&rest, " "), why);
	while (!r && (s = strsep(&rest, " ")) != NULL)
		if (*s && !(parse_option(&c, s) & w->options))
			r = wrong(why, "'%.64s' does not belong there; it is: %s%s", s, w->name,
				w->usage);
	if (!r && text && !(w->options & OPTION_TEXT))
		r = wrong(why, "it takes no text; it is: %s%s", w->name, w->usage);
	if (!r && text)
		memcpy(c.text, text, strlen(text) + 1);
	if (!r)
		*ret = c;
	return r;
}

void fault_status(const struct fault_command *c, struct grpc_status *ret)
{
	grpc_status_set(ret, c->code, *c->reason ? c->reason : NULL, "%s",
		*c->text ? c->text : "asked for on the fault socket");
	ret->has_retry_delay = c->has_retry;
	ret->retry_delay_usec = c->retry_usec;
}

/* ---- what is still to go wrong ---- */

struct planned {
	struct list link;
	struct fault_command command;
	uint64_t left; /* calls */
};

void faults_init(struct faults *f)
{
	memset(f, 0, sizeof(*f));
	list_init(&f->planned);
}

static void drop(struct faults *f, struct planned *p)
{
	list_unlink(&p->link);
	f->n_planned--;
	free(p);
}

void faults_clear(struct faults *f)
{
	struct planned *p;

	while ((p = list_first(&f->planned, struct planned, link)) != NULL)
		drop(f, p);
	faults_init(f);
}

int faults_plan(struct faults *f, const struct fault_command *c)
{
	struct planned *p;

	if (f->n_planned >= FAULT_PLANNED_MAX)
		return FAULT_E_FULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->command = *c;
	p->left = c->count;
	list_append(&f->planned, &p->link);
	f->n_planned++;
	return 0;
}

bool faults_take(struct faults *f, const char *method, struct grpc_status *ret)
{
	struct planned *p;

	list_for_each(p, &f->planned, link) {
		if (*p->command.method && strcmp(p->command.method, method))
			continue;
		fault_status(&p->command, ret);
		if (--p->left == 0)
			drop(f, p);
		return true;
	}
	return false;
}

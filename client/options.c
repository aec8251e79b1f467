#include "client/options.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/text.h"

/* Where a parse stands. */
struct line {
	struct parsed *p;
	const struct command *command;
	char *const *argv;
	int argc, at;
	struct usage_error *e;
	bool help;
	/* options in the order of their first appearance: values are checked in it */
	size_t order[OPTIONS_MAX], n_order;
	char **made; /* arguments put together here, owned by parsed */
};

static int fail(struct usage_error *e, const char *fmt, ...) _printf_(2, 3);
static int fail(struct usage_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return OPTIONS_E_USAGE;
}

/* What the user typed, safe to print. */
static const char *shown(char buf[OPTIONS_TEXT_MAX / 2], const char *s)
{
	return text_encode(buf, OPTIONS_TEXT_MAX / 2, s, strlen(s));
}

/* ---- values ---- */

static const char *label(char buf[128], const struct option *o)
{
	if (o->short_name)
		snprintf(buf, 128, "'%s' / '%s'", o->name, o->short_name);
	else
		snprintf(buf, 128, "'%s'", o->name);
	return buf;
}

static int fail_value(
	const struct option *o, const char *value, const char *what, struct usage_error *e)
{
	char name[128], text[OPTIONS_TEXT_MAX / 2];

	return fail(e, "Invalid value for %s: '%s' %s", label(name, o), shown(text, value), what);
}

/* As Python prints a float. */
static const char *print_float(char buf[40], double v)
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(buf, 40, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	if (isfinite(v) && !strpbrk(buf, ".e"))
		strncat(buf, ".0", 3);
	return buf;
}

static int check_float(
	const struct option *o, const char *text, struct option_value *v, struct usage_error *e)
{
	char name[128], number[40];
	char *end;
	double d = strtod(text, &end);

	if (end == text || *end || strpbrk(text, "xXpP") || isspace((unsigned char)*text))
		return fail_value(o, text, "is not a valid float range.", e);
	if (isnan(d) || (o->min_open ? d <= o->min : d < o->min))
		return fail(e, "Invalid value for %s: %s is not in the range x>%s%g.",
			label(name, o), print_float(number, d), o->min_open ? "" : "=", o->min);
	v->number = d;
	return 0;
}

static int check_int(
	const struct option *o, const char *text, struct option_value *v, struct usage_error *e)
{
	char name[128];
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		return fail_value(o, text, "is not a valid integer range.", e);
	if ((double)n < o->min)
		return fail(e, "Invalid value for %s: %lld is not in the range x>=%g.",
			label(name, o), n, o->min);
	v->integer = n;
	return 0;
}

static int check_choice(
	const struct option *o, const char *text, struct option_value *v, struct usage_error *e)
{
	char list[OPTIONS_TEXT_MAX / 2] = "is not one of ";
	size_t n = strlen(list);

	for (size_t i = 0; o->choices[i]; i++) {
		if (strcasecmp(o->choices[i], text) == 0) {
			v->text = o->choices[i];
			return 0;
		}
		n += (size_t)snprintf(
			list + n, sizeof(list) - n, "%s'%s'", i ? ", " : "", o->choices[i]);
		if (n >= sizeof(list) - 2)
			break;
	}
	snprintf(list + n, sizeof(list) - n, ".");
	return fail_value(o, text, list, e);
}

static int check_time(
	const struct option *o, const char *text, struct option_value *v, struct usage_error *e)
{
	static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S",
		"%Y-%m-%d %H:%M:%S" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { .tm_mday = 1 };
		const char *end = strptime(text, formats[i], &tm);
		time_t t;

		if (!end || *end)
			continue;
		t = timegm(&tm);
		v->integer = (int64_t)t * 1000;
		return 0;
	}
	return fail_value(o, text,
		"does not match the formats '%Y-%m-%d', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M:%S'.",
		e);
}

static int check_life(
	const struct option *o, const char *text, struct option_value *v, struct usage_error *e)
{
	uint64_t usec;

	if (text_parse_duration(text, &usec) || usec < USEC_PER_SEC || usec > OPTIONS_LIFE_MAX_USEC)
		return fail_value(o, text,
			"is not a duration from a second to 366 days, as 90s, 5m, 24h or 7d.", e);
	v->integer = (int64_t)(usec / USEC_PER_MSEC);
	return 0;
}

int option_check(
	const struct option *o, const char *text, struct option_value *v, struct usage_error *e)
{
	switch (o->kind) {
	case OPTION_FLAG:
	case OPTION_TEXT:
		return 0;
	case OPTION_FLOAT:
		return check_float(o, text, v, e);
	case OPTION_INT:
		return check_int(o, text, v, e);
	case OPTION_CHOICE:
		return check_choice(o, text, v, e);
	case OPTION_TIME:
		return check_time(o, text, v, e);
	case OPTION_LIFE:
		return check_life(o, text, v, e);
	}
	return 0;
}

/* ---- the line ---- */

static void take_argument(struct line *l, const char *arg)
{
	l->p->args[l->p->n_args++] = arg;
}

static void note(struct line *l, size_t i)
{
	if (!l->p->values[i].set)
		l->order[l->n_order++] = i;
	l->p->values[i].set = true;
}

static void take_value(struct line *l, size_t i, const char *text)
{
	struct option_value *v = &l->p->values[i];

	note(l, i);
	v->text = text;
	if (l->command->options[i].many)
		v->list[v->n++] = text;
}

static int need_value(struct line *l, size_t i, const char *name)
{
	if (l->at >= l->argc) {
		l->e->bare = l->command->official;
		return fail(l->e, "Option '%s' requires an argument.", name);
	}
	take_value(l, i, l->argv[l->at++]);
	return 0;
}

static bool is_known_here(const struct line *l, const struct option *o)
{
	return !o->early || l->p->n_args == 0;
}

static int take_long(struct line *l, const char *arg)
{
	size_t n = strcspn(arg, "=");
	const char *value = arg[n] ? arg + n + 1 : NULL;
	char text[OPTIONS_TEXT_MAX / 2], name[64];

	snprintf(name, sizeof(name), "%.*s", (int)min_size(n, sizeof(name) - 1), arg);
	for (size_t i = 0; i < l->command->n_options; i++) {
		const struct option *o = &l->command->options[i];
		bool off = o->off && strcmp(o->off, name) == 0;

		if ((!off && strcmp(o->name, name) != 0) || !is_known_here(l, o))
			continue;
		if (o->kind != OPTION_FLAG && !value)
			return need_value(l, i, o->name);
		if (o->kind != OPTION_FLAG) {
			take_value(l, i, value);
			return 0;
		}
		if (value) {
			l->e->bare = l->command->official;
			return fail(l->e, "Option '%s' does not take a value.", name);
		}
		note(l, i);
		l->p->values[i].on = !off;
		return 0;
	}
	if (strcmp(arg, "--help") == 0)
		l->help = true;
	else if (l->command->passes_unknown)
		take_argument(l, arg);
	else
		return fail(l->e, "No such option '%s'.", shown(text, name));
	return 0;
}

static int find_short(const struct line *l, char c)
{
	for (size_t i = 0; i < l->command->n_options; i++) {
		const struct option *o = &l->command->options[i];

		if (o->short_name && o->short_name[1] == c && is_known_here(l, o))
			return (int)i;
	}
	return -1;
}

/* "-ft", "-t5", "-t 5". What is unknown goes on as one argument, where that is allowed: "-lt"
 * becomes "-l". */
static int take_cluster(struct line *l, char *arg)
{
	size_t n_unknown = 0;
	char text[16];
	int r = 0;

	for (char *c = arg + 1; *c; c++) {
		int i = find_short(l, *c);

		if (i < 0 && !l->command->passes_unknown) {
			char one[3] = { '-', *c, 0 };

			return fail(l->e, "No such option '%s'.",
				text_encode(text, sizeof(text), one, 2));
		}
		if (i < 0) {
			arg[1 + n_unknown++] = *c;
			continue;
		}
		if (l->command->options[i].kind == OPTION_FLAG) {
			note(l, (size_t)i);
			l->p->values[i].on = true;
			continue;
		}
		if (c[1])
			take_value(l, (size_t)i, c + 1);
		else
			r = need_value(l, (size_t)i, l->command->options[i].short_name);
		break;
	}
	if (n_unknown) {
		char *kept = strndup(arg, 1 + n_unknown);

		if (!kept)
			return -ENOMEM;
		*l->made++ = kept;
		take_argument(l, kept);
	}
	return r;
}

static int take(struct line *l, const char *arg)
{
	char *copy;
	int r;

	if (arg[0] != '-' || !arg[1]) {
		take_argument(l, arg);
		return 0;
	}
	if (arg[1] == '-')
		return take_long(l, arg);
	copy = strdup(arg);
	if (!copy)
		return -ENOMEM;
	*l->made++ = copy;
	r = take_cluster(l, copy);
	return r;
}

static int check_values(struct line *l)
{
	for (size_t k = 0; k < l->n_order; k++) {
		size_t i = l->order[k];
		struct option_value *v = &l->p->values[i];
		int r = v->text ? option_check(&l->command->options[i], v->text, v, l->e) : 0;

		if (r)
			return r;
	}
	return 0;
}

static bool is_many(const char *name)
{
	return strstr(name, "...") != NULL;
}

static int check_arguments(struct line *l)
{
	const char *const *names = l->command->arguments;
	size_t n = 0, have = l->p->n_args;
	char text[OPTIONS_TEXT_MAX - 64] = "";
	size_t used = 0;

	for (; names && names[n]; n++) {
		if (n >= have && names[n][0] != '[')
			return fail(l->e, "Missing argument '%s'.", names[n]);
		if (is_many(names[n]))
			return 0;
	}
	if (have <= n)
		return 0;
	for (size_t i = n; i < have && used < sizeof(text) - 8; i++) {
		char one[OPTIONS_TEXT_MAX / 2];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > n ? " " : "",
			shown(one, l->p->args[i]));
	}
	return fail(l->e, "Got unexpected extra argument%s (%s)", have - n > 1 ? "s" : "", text);
}

/* Room for the worst line: each word an argument, or a value of one list. */
static int reserve(struct line *l)
{
	size_t n = (size_t)l->argc + 1;
	struct parsed *p = l->p;

	p->args = calloc(n, sizeof(*p->args));
	p->rest = calloc(n, sizeof(*p->rest));
	p->made = calloc(2 * n, sizeof(*p->made));
	if (!p->args || !p->rest || !p->made)
		return -ENOMEM;
	for (size_t i = 0; i < l->command->n_options; i++) {
		if (!l->command->options[i].many)
			continue;
		p->values[i].list = calloc(n, sizeof(*p->values[i].list));
		if (!p->values[i].list)
			return -ENOMEM;
	}
	l->made = p->made;
	return 0;
}

/* As where a script's variable is not set; words of a command may be. "[NAME]" is told as NAME. */
static int check_empty(struct line *l)
{
	const char *const *names = l->command->arguments;

	for (size_t n = 0; n < l->p->n_args && !is_many(names[n]); n++) {
		const char *name = names[n] + (names[n][0] == '[');

		if (*l->p->args[n])
			continue;
		fail(l->e, "Invalid value for '%.*s': must not be empty.", (int)strcspn(name, "]"),
			name);
		return l->command->official ? OPTIONS_E_EMPTY : OPTIONS_E_USAGE;
	}
	return 0;
}

int options_parse(struct parsed *p, const struct command *command, int argc, char *const *argv,
	struct usage_error *e)
{
	struct line l = { .p = p, .command = command, .argc = argc, .argv = argv, .e = e };
	bool rest = false;
	int r;

	*p = (struct parsed){ .command = command };
	*e = (struct usage_error){ .bare = false };
	r = reserve(&l);
	while (!r && l.at < argc) {
		const char *arg = argv[l.at++];

		if (rest && command->takes_rest)
			p->rest[p->n_rest++] = arg;
		else if (rest)
			take_argument(&l, arg);
		else if (strcmp(arg, "--") == 0)
			rest = true;
		else
			r = take(&l, arg);
	}
	if (!r && l.help)
		return OPTIONS_E_HELP;
	if (!r)
		r = check_values(&l);
	if (!r)
		r = check_arguments(&l);
	return r ? r : check_empty(&l);
}

void parsed_done(struct parsed *p)
{
	for (size_t i = 0; i < OPTIONS_MAX; i++)
		free(p->values[i].list);
	for (char **made = p->made; made && *made; made++)
		free(*made);
	free(p->made);
	free(p->args);
	free(p->rest);
	*p = (struct parsed){ .command = NULL };
}

const struct option_value *parsed_get(const struct parsed *p, const char *name)
{
	for (size_t i = 0; i < p->command->n_options; i++)
		if (strcmp(p->command->options[i].name, name) == 0)
			return &p->values[i];
	abort(); /* a defect of the command's table */
}

bool parsed_on(const struct parsed *p, const char *name)
{
	return parsed_get(p, name)->on;
}

const char *parsed_text(const struct parsed *p, const char *name)
{
	return parsed_get(p, name)->text;
}

/* ---- a shell line ---- */

struct split {
	const char *in;
	char *out;
	const char *why;
};

static void split_double(struct split *s)
{
	while (*s->in && *s->in != '"') {
		if (*s->in == '\\' && (s->in[1] == '"' || s->in[1] == '\\'))
			s->in++;
		else if (*s->in == '\\' && !s->in[1])
			break;
		*s->out++ = *s->in++;
	}
	if (*s->in)
		s->in++;
	else
		s->why = "No closing quotation";
}

static void split_single(struct split *s)
{
	while (*s->in && *s->in != '\'')
		*s->out++ = *s->in++;
	if (*s->in)
		s->in++;
	else
		s->why = "No closing quotation";
}

static void split_word(struct split *s)
{
	while (*s->in && !strchr(" \t\r\n", *s->in) && !s->why) {
		char c = *s->in++;

		if (c == '"')
			split_double(s);
		else if (c == '\'')
			split_single(s);
		else if (c == '\\' && !*s->in)
			s->why = "No escaped character";
		else
			*s->out++ = c == '\\' ? *s->in++ : c;
	}
	*s->out++ = 0;
}

int options_split(const char *line, const char ***ret, const char **ret_why)
{
	size_t n = strlen(line), max = n / 2 + 2, k = 0;
	const char **words = malloc(max * sizeof(*words) + n + 2);
	struct split s = { .in = line };

	if (!words)
		return -ENOMEM;
	s.out = (char *)(words + max);
	for (;;) {
		s.in += strspn(s.in, " \t\r\n");
		if (!*s.in)
			break;
		words[k++] = s.out;
		split_word(&s);
		if (s.why) {
			free(words);
			*ret_why = s.why;
			return -EINVAL;
		}
	}
	words[k] = NULL;
	*ret = words;
	return 0;
}

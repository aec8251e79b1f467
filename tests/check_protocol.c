/* doc/protocol.md against the code: methods, fields, error codes, notifications, descriptions. */
#include "tests/suite.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/methods.h"
#include "tests/fake.h"

#define NAMES_MAX 64

static char doc[1 << 20];
static size_t doc_n;

static void load(void)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/doc/protocol.md", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "cannot read %s", path);
	doc_n = fread(doc, 1, sizeof(doc) - 1, file);
	doc[doc_n] = '\0';
	fclose(file);
}

/* The text from `heading` to the next heading of that level or the end. */
static const char *section(const char *heading, const char **ret_end)
{
	const char *at = strstr(doc, heading), *end;

	ck_assert_msg(at != NULL, "no section %s", heading);
	end = strstr(at + 3, "\n## ");
	*ret_end = end ? end : doc + doc_n;
	return at;
}

struct names {
	char name[NAMES_MAX][64];
	bool optional[NAMES_MAX];
	size_t n;
};

static bool has(const struct names *names, const char *name, bool *ret_optional)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->name[i], name) != 0)
			continue;
		if (ret_optional)
			*ret_optional = names->optional[i];
		return true;
	}
	return false;
}

static bool is_name(char c)
{
	return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '_';
}

/* Identifiers of `{a, b?, c (words), d}` or of a table's cell: not those in parentheses or inner braces. */
static void parse_fields(const char *at, const char *end, struct names *ret)
{
	int paren = 0, brace = 0;
	const char *from;

	ret->n = 0;
	for (; at < end && !strchr("|;:", *at); at++) {
		paren += (*at == '(') - (*at == ')');
		brace += (*at == '{') - (*at == '}');
		if (brace < 0)
			return; /* the one before `at` is closed */
		if (paren || brace > 0 || !is_name(*at))
			continue;
		for (from = at; is_name(*at); at++)
			;
		ck_assert(ret->n < NAMES_MAX && at - from < 64);
		memcpy(ret->name[ret->n], from, (size_t)(at - from));
		ret->name[ret->n][at - from] = '\0';
		ret->optional[ret->n++] = *at == '?';
		at--;
	}
}

/* Names in backticks in the first column of the first table after `at`. */
static void parse_table(const char *at, struct names *ret)
{
	ret->n = 0;
	for (const char *line = strstr(at, "\n|"); line && line[1] == '|';
		line = strchr(line + 1, '\n')) {
		const char *end = strchr(line + 2, '|');

		for (const char *p = line; (p = memchr(p, '`', (size_t)(end - p))); p++) {
			size_t l = 0;

			while (is_name(p[1 + l]))
				l++;
			ck_assert(ret->n < NAMES_MAX && l < 64);
			memcpy(ret->name[ret->n], p + 1, l);
			ret->name[ret->n][l] = '\0';
			ret->optional[ret->n++] = false;
			p += 1 + l; /* the closing one */
		}
	}
}

/* Where a method's params are described. */
static const char *find_params(const char *method)
{
	char bold[80], row[80];
	const char *at;

	snprintf(bold, sizeof(bold), "**`%s`**", method);
	snprintf(row, sizeof(row), "| `%s` | ", method);
	at = strstr(doc, bold);
	if (at)
		return at + strlen(bold);
	at = strstr(doc, row);
	return at ? at + strlen(row) : NULL;
}

static void method_fields(const char *method, struct names *ret)
{
	const char *at, *brace, *alternative;
	struct names more;

	ret->n = 0;
	if (strcmp(method, "hello") == 0) {
		parse_table(strstr(doc, "Request fields:"), ret);
		return;
	}
	if (strcmp(method, "session.attach") == 0) {
		parse_table(strstr(doc, "**`session.attach`** request:"), ret);
		return;
	}
	at = find_params(method);
	ck_assert_msg(at != NULL, "%s is not in doc/protocol.md", method);
	brace = strpbrk(at, "{|");
	if (!brace || *brace == '|' || brace - at > 4) {
		parse_fields(at, at + strcspn(at, "|\n"), ret);
		return;
	}
	parse_fields(brace + 1, brace + strcspn(brace, "\n"), ret);
	alternative = strstr(brace, "or `{");
	if (!alternative || alternative - brace > 32)
		return;
	parse_fields(alternative + 5, alternative + 64, &more);
	for (size_t i = 0; i < more.n; i++)
		memcpy(ret->name[ret->n++], more.name[i], sizeof(more.name[i]));
}

START_TEST(every_method_s_fields_are_those_of_the_page)
{
	const struct method *m;
	struct names names;
	bool optional;
	size_t n, n_params;

	load();
	m = methods(&n);
	for (size_t i = 0; i < n; i++) {
		method_fields(m[i].name, &names);
		n_params = 0;
		for (const struct param *p = m[i].params; p->name; p++, n_params++) {
			ck_assert_msg(has(&names, p->name, &optional),
				"%s: the page has no field %s", m[i].name, p->name);
			ck_assert_msg(!(optional && p->required), "%s: the page calls %s optional",
				m[i].name, p->name);
		}
		ck_assert_msg(names.n == n_params, "%s: the page has %zu fields, the code %zu",
			m[i].name, names.n, n_params);
	}
}
END_TEST

START_TEST(every_method_of_the_page_is_in_the_table)
{
	static const char *const groups[] = { "session.", "sandbox.", "daemon.", "file." };
	const struct method *m;
	const char *end;
	char name[64];
	size_t n, found = 0;
	bool known;

	load();
	section("## 8.", &end);
	m = methods(&n);
	for (const char *p = doc; (p = strchr(p, '`')) && p < strstr(doc, "## 8."); p++) {
		size_t l = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_."), known_group = 0;

		for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
			known_group |= l > strlen(groups[i]) &&
				       strncmp(p + 1, groups[i], strlen(groups[i])) == 0;
		if (!known_group || p[1 + l] != '`' || l >= sizeof(name))
			continue;
		memcpy(name, p + 1, l);
		name[l] = '\0';
		known = false;
		for (size_t i = 0; i < n; i++)
			known |= strcmp(m[i].name, name) == 0;
		ck_assert_msg(known, "the page names %s, the table does not", name);
		found++;
	}
	ck_assert_uint_ge(found, n - 3); /* hello, exec, logs have no group */
}
END_TEST

START_TEST(the_error_codes_are_those_of_the_page)
{
	const char *const *codes, *end, *at;
	size_t n, n_rows = 0;
	char row[80];

	load();
	codes = method_errors(&n);
	at = section("## 2. Errors", &end);
	for (const char *p = at; (p = strstr(p, "\n| `")) && p < end; p++)
		n_rows++;
	ck_assert_uint_eq(n_rows, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(row, sizeof(row), "\n| `%s` |", codes[i]);
		ck_assert_msg(strstr(at, row) && strstr(at, row) < end, "%s is not in the page",
			codes[i]);
	}
}
END_TEST

/* ---- what the daemon sends ---- */

static struct fake fake;
static struct peer a, b;

static void same_keys(const char *what, const msgpack_object *map, const struct names *names)
{
	char key[64];

	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_str *s = &map->via.map.ptr[i].key.via.str;

		memcpy(key, s->ptr, min_size(s->size, 63));
		key[min_size(s->size, 63)] = '\0';
		ck_assert_msg(has(names, key, NULL), "%s: the page has no field %s", what, key);
	}
	ck_assert_msg(map->via.map.size == names->n, "%s: %u fields, %zu in the page", what,
		map->via.map.size, names->n);
}

static void same_as_row(struct peer *p, const char *method)
{
	const struct frame *f;
	struct names names;
	const char *at;
	char row[80];

	p->pos_rx = 0;
	f = peer_note(p, method);
	ck_assert_msg(f != NULL, "no %s came", method);
	snprintf(row, sizeof(row), "\n| `%s` | `", method);
	at = strstr(strstr(doc, "Notifications that follow"), row);
	ck_assert_msg(at != NULL, "%s is not in the page", method);
	parse_fields(at + strlen(row), at + strlen(row) + strcspn(at + strlen(row), "`"), &names);
	same_keys(method, f->params, &names);
}

START_TEST(each_notification_and_description_has_the_fields_of_the_page)
{
	const msgpack_object *o;
	struct session *s;
	struct names names;
	uint32_t at;

	load();
	fake_init(&fake);
	fake_start(&fake);
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	peer_hello(&a);
	peer_hello(&b);
	s = peer_create(&a, "w", 80, 24);
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	session_up(s);
	session_output(s, (const uint8_t *)"x", 1, LOG_STDOUT);
	fake_turn(&fake);
	peer_input(&a, at, doc, 40000);
	fake_pass(&fake, USEC_PER_SEC);
	peer_begin(&a, "session.get", 1);
	frame_put_str(&a.out, "name", "w");
	o = peer_result(&a, peer_send(&a));
	parse_table(strstr(doc, "\nA description:"), &names);
	same_keys("a description", o, &names);
	peer_begin(&a, "session.detach", 1);
	frame_put_u64(&a.out, "attachment", at);
	peer_result(&a, peer_send(&a));
	session_end(s, &(struct session_end){ .has_exit_code = true });
	fake_turn(&fake);
	core_shutdown(fake.core, "requested");
	fake_turn(&fake);
	same_as_row(&a, "output");
	same_as_row(&a, "resync");
	same_as_row(&a, "resized");
	same_as_row(&a, "clients");
	same_as_row(&a, "state");
	same_as_row(&a, "input_credit");
	same_as_row(&a, "detached");
	same_as_row(&a, "shutdown");
	same_as_row(&b, "exited");
	peer_done(&a);
	peer_done(&b);
	fake_done(&fake);
}
END_TEST

TEST_MAIN("protocol", every_method_s_fields_are_those_of_the_page,
	every_method_of_the_page_is_in_the_table, the_error_codes_are_those_of_the_page,
	each_notification_and_description_has_the_fields_of_the_page)

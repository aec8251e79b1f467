/* session.capture: the screen and history as lines. */
#include "tests/session_world.h"

#include <stdio.h>

static const msgpack_object *capture(
	const char *format, uint64_t history, uint64_t from, uint64_t limit)
{
	peer_begin(&b, "session.capture", 5);
	frame_put_str(&b.out, "name", "w");
	frame_put_str(&b.out, "format", format);
	frame_put_u64(&b.out, "history", history);
	if (from)
		frame_put_u64(&b.out, "from", from);
	else
		frame_put_nil(&b.out, "from");
	frame_put_u64(&b.out, "limit", limit);
	return peer_result(&b, peer_send(&b));
}

static uint64_t number(const msgpack_object *o, const char *key)
{
	uint64_t v = UINT64_MAX;

	ck_assert_int_eq(frame_get_u64(o, key, 0, UINT64_MAX, &v), 0);
	return v;
}

static bool more(const msgpack_object *o)
{
	bool v = false;

	ck_assert_int_eq(frame_get_bool(o, "more", &v), 0);
	return v;
}

static const msgpack_object_array *lines(const msgpack_object *o)
{
	const msgpack_object *array;

	ck_assert_int_eq(frame_get_array(o, "lines", &array), 0);
	return &array->via.array;
}

static void line_is(const msgpack_object *o, unsigned i, const char *text)
{
	const msgpack_object_array *array = lines(o);
	struct frame_span line;

	ck_assert_uint_gt(array->size, i);
	ck_assert_int_eq(frame_as_str(&array->ptr[i], &line), 0);
	ck_assert_msg(frame_span_is(&line, text), "%.*s", (int)line.n, line.data);
}

START_TEST(a_capture_in_a_format_has_every_row_and_the_cursor)
{
	static const char *const formats[] = { "text", "ansi", "json" };
	static const char json[] =
		"{\"line\":1,\"wrapped\":false,\"runs\":[{\"x\":0,\"cols\":4,\"text\":\"two \"},"
		"{\"x\":4,\"cols\":3,\"text\":\"red\",\"fg\":1}]}";
	static const char *const rows[] = { "two red", "two \033[31mred\033[m", json };

	begin();
	output("one\r\ntwo \033[31mred\033[m\033]2;a title\033\\");
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		const msgpack_object *o = capture(formats[i], 0, 0, 1000);
		struct frame_span title;

		ck_assert_uint_eq(lines(o)->size, 24);
		line_is(o, 1, rows[i]);
		ck_assert_uint_eq(number(o, "cursor_x"), 7);
		ck_assert_uint_eq(number(o, "cursor_y"), 1);
		ck_assert_uint_eq(number(o, "screen"), 0);
		ck_assert(!more(o));
		ck_assert_int_eq(frame_get_str(o, "title", &title), 0);
		ck_assert(frame_span_is(&title, "a title"));
	}
	end();
}
END_TEST

START_TEST(history_comes_first_a_page_at_a_time_by_numbers_that_stay)
{
	const msgpack_object *o;
	char line[32];
	uint64_t from;

	begin();
	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "%sline %u", i ? "\r\n" : "", i);
		output(line);
	}
	o = capture("text", 50, 0, 20);
	ck_assert_uint_eq(number(o, "from"), 26);
	ck_assert_uint_eq(number(o, "screen"), 76);
	line_is(o, 0, "line 26");
	ck_assert_uint_eq(lines(o)->size, 20);
	ck_assert(more(o));
	output("\r\nline 100"); /* it scrolls in between */
	from = 26 + 20;
	o = capture("text", 0, from, 1000);
	line_is(o, 0, "line 46");
	ck_assert_uint_eq(number(o, "from"), from);
	ck_assert_uint_eq(lines(o)->size, 101 - 46);
	line_is(o, 101 - 46 - 1, "line 100");
	ck_assert(!more(o));
	ck_assert_uint_eq(lines(capture("text", 0, 101, 1000))->size, 0);
	end();
}
END_TEST

START_TEST(a_page_ends_where_its_bytes_do)
{
	const msgpack_object *o;
	char cell[64];

	begin_with(1000, 24);
	for (unsigned i = 0; i < 24 * 1000; i++) {
		snprintf(cell, sizeof(cell), "\033[38;2;%u;%u;7mx", i % 256, i / 256 % 256);
		output(cell);
	}
	o = capture("json", 0, 0, 1000);
	ck_assert_uint_lt(lines(o)->size, 24);
	ck_assert_uint_gt(lines(o)->size, 2);
	ck_assert(more(o));
	end();
}
END_TEST

START_TEST(a_format_nobody_knows_is_refused)
{
	begin();
	peer_begin(&b, "session.capture", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_str(&b.out, "format", "html");
	peer_refused(&b, peer_send(&b), "bad_params");
	end();
}
END_TEST

TEST_MAIN("session_capture", a_capture_in_a_format_has_every_row_and_the_cursor,
	history_comes_first_a_page_at_a_time_by_numbers_that_stay, a_page_ends_where_its_bytes_do,
	a_format_nobody_knows_is_refused)

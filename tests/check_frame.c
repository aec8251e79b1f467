#include "tests/suite.h"

#include <string.h>

#include "common/frame.h"

static struct frame_out out;

static void setup(void)
{
	frame_out_init(&out);
}

static size_t finish(const uint8_t **ret)
{
	size_t n, used;

	ck_assert_int_eq(frame_finish(&out, ret, &n), 0);
	ck_assert_int_eq(frame_scan(*ret, n, &used), 0);
	ck_assert_uint_eq(used, n);
	return n;
}

/* A request with a field of every kind. */
static size_t build_all(const uint8_t **ret)
{
	setup();
	frame_begin_request(&out, UINT32_MAX, "m", 9);
	frame_put_str(&out, "text", "ünï");
	frame_put_str(&out, "none", NULL);
	frame_put_u64(&out, "u", UINT64_MAX);
	frame_put_i64(&out, "i", INT64_MIN);
	frame_put_bool(&out, "yes", true);
	frame_put_nil(&out, "nil");
	frame_put_map(&out, "map", 1);
	frame_put_bool(&out, "no", false);
	frame_put_array(&out, "list", 2);
	frame_add_str(&out, "a");
	frame_add_u64(&out, 300);
	frame_put_bin(&out, "data", "\0\xff", 2);
	return finish(ret);
}

START_TEST(what_is_built_is_read_back)
{
	const msgpack_object *o;
	const uint8_t *data;
	struct frame_span s;
	struct frame f;
	uint64_t u;
	int64_t i;
	bool b;
	size_t n = build_all(&data);

	ck_assert_int_eq(frame_open(&f, data, n), 0);
	ck_assert_int_eq(f.kind, FRAME_REQUEST);
	ck_assert(f.has_id && f.id == UINT32_MAX);
	ck_assert(frame_is(&f, "m") && !frame_is(&f, "mm") && !frame_is(&f, ""));
	ck_assert_int_eq(frame_get_str(f.params, "text", &s), 0);
	ck_assert(frame_span_is(&s, "ünï"));
	ck_assert_int_eq(frame_get_str(f.params, "none", &s), FRAME_E_UNSET);
	ck_assert_int_eq(frame_get_u64(f.params, "nil", 0, 9, &u), FRAME_E_UNSET);
	ck_assert_int_eq(frame_get_u64(f.params, "u", 0, UINT64_MAX, &u), 0);
	ck_assert(u == UINT64_MAX);
	ck_assert_int_eq(frame_get_i64(f.params, "i", INT64_MIN, 0, &i), 0);
	ck_assert(i == INT64_MIN);
	ck_assert_int_eq(frame_get_bool(f.params, "yes", &b), 0);
	ck_assert(b);
	ck_assert_int_eq(frame_get_map(f.params, "map", &o), 0);
	ck_assert_int_eq(frame_get_bool(o, "no", &b), 0);
	ck_assert(!b);
	ck_assert_int_eq(frame_get_array(f.params, "list", &o), 0);
	ck_assert_uint_eq(o->via.array.size, 2);
	ck_assert_int_eq(frame_as_str(&o->via.array.ptr[0], &s), 0);
	ck_assert_int_eq(frame_as_str(&o->via.array.ptr[1], &s), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_bytes(f.params, "data", &s), 0);
	ck_assert(s.n == 2 && memcmp(s.data, "\0\xff", 2) == 0);
	frame_close(&f);
	frame_out_done(&out);
}
END_TEST

START_TEST(a_number_out_of_its_range_and_a_wrong_type_are_told_from_an_unset_field)
{
	const uint8_t *data;
	struct frame_span s;
	struct frame f;
	uint64_t u = 7;
	int64_t i = 7;
	bool b;
	size_t n;

	setup();
	frame_begin_request(&out, 1, "m", 4);
	frame_put_u64(&out, "five", 5);
	frame_put_i64(&out, "minus", -1);
	frame_put_u64(&out, "big", (uint64_t)INT64_MAX + 1);
	frame_put_strn(&out, "nul", "a\0b", 3);
	n = finish(&data);
	ck_assert_int_eq(frame_open(&f, data, n), 0);
	ck_assert_int_eq(frame_get_u64(f.params, "five", 5, 5, &u), 0);
	ck_assert_int_eq(frame_get_u64(f.params, "five", 6, 9, &u), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_u64(f.params, "five", 0, 4, &u), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_u64(f.params, "minus", 0, UINT64_MAX, &u), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_i64(f.params, "minus", -1, 0, &i), 0);
	ck_assert_int_eq(frame_get_i64(f.params, "minus", 0, 1, &i), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_i64(f.params, "big", 0, INT64_MAX, &i), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_i64(f.params, "five", INT64_MIN, INT64_MAX, &i), 0);
	ck_assert_int_eq(frame_get_bool(f.params, "five", &b), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_str(f.params, "nul", &s), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_bytes(f.params, "nul", &s), 0);
	ck_assert_int_eq(frame_get_str(f.params, "five", &s), FRAME_E_TYPE);
	ck_assert_int_eq(frame_get_str(f.params, "absent", &s), FRAME_E_UNSET);
	frame_close(&f);
	frame_out_done(&out);
}
END_TEST

START_TEST(each_prefix_of_a_frame_is_pending_and_asks_for_more_than_it_has)
{
	const uint8_t *data;
	size_t n = build_all(&data), used, need = 0;

	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(frame_scan(data, i, &used), FRAME_E_PENDING);
		ck_assert_uint_gt(used, i);
		ck_assert_uint_le(used, n);
		ck_assert_uint_ge(used, need); /* it never asks for less than before */
		need = used;
	}
	frame_out_done(&out);
}
END_TEST

START_TEST(sec_c15_depth_8_is_taken_and_9_is_refused)
{
	uint8_t deep[FRAME_DEPTH_MAX + 2];
	size_t used;

	memset(deep, 0x91, sizeof(deep));
	deep[FRAME_DEPTH_MAX] = 0xc0;
	ck_assert_int_eq(frame_scan(deep, FRAME_DEPTH_MAX + 1, &used), 0);
	deep[FRAME_DEPTH_MAX] = 0x91;
	deep[FRAME_DEPTH_MAX + 1] = 0xc0;
	ck_assert_int_eq(frame_scan(deep, sizeof(deep), &used), -EBADMSG);
	memset(deep, 0x81, sizeof(deep)); /* maps as keys of maps */
	deep[FRAME_DEPTH_MAX + 1] = 0xc0;
	ck_assert_int_eq(frame_scan(deep, sizeof(deep), &used), -EBADMSG);
}
END_TEST

START_TEST(sec_c15_4096_values_are_taken_and_4097_are_refused_by_the_claim_alone)
{
	uint8_t many[3 + FRAME_OBJECTS_MAX] = { 0xdc, 0x0f, 0xff };
	size_t used;

	ck_assert_int_eq(frame_scan(many, 3 + 4095, &used), 0);
	ck_assert_uint_eq(used, 3 + 4095);
	many[1] = 0x10, many[2] = 0x00;
	ck_assert_int_eq(frame_scan(many, 3, &used), -EBADMSG);
	ck_assert_int_eq(frame_scan((const uint8_t *)"\xdd\xff\xff\xff\xff", 5, &used), -EBADMSG);
	ck_assert_int_eq(frame_scan((const uint8_t *)"\xdf\x80\x00\x00\x01", 5, &used), -EBADMSG);
	ck_assert_int_eq(frame_scan((const uint8_t *)"\xde\x08\x00", 3, &used), -EBADMSG);
	ck_assert_int_eq(frame_scan((const uint8_t *)"\xc1", 1, &used), -EBADMSG);
}
END_TEST

START_TEST(sec_c14_a_frame_of_the_bound_is_taken_and_one_byte_more_is_refused_by_the_claim_alone)
{
	uint8_t *big = calloc(1, FRAME_MAX + 1);
	size_t used;

	big[0] = 0xc6; /* bin 32, five bytes of head */
	big[1] = 0x00, big[2] = 0x0f, big[3] = 0xff, big[4] = 0xfb;
	ck_assert_int_eq(frame_scan(big, FRAME_MAX, &used), 0);
	ck_assert_uint_eq(used, FRAME_MAX);
	ck_assert_int_eq(frame_scan(big, 5, &used), FRAME_E_PENDING);
	ck_assert_uint_eq(used, FRAME_MAX);
	ck_assert_int_eq(frame_scan_max(big, 5, FRAME_MAX - 1, &used), -EMSGSIZE);
	big[4] = 0xfc;
	ck_assert_int_eq(frame_scan(big, 5, &used), -EMSGSIZE);
	memset(big + 1, 0xff, 4);
	ck_assert_int_eq(frame_scan(big, 5, &used), -EMSGSIZE);
	ck_assert_int_eq(frame_scan((const uint8_t *)"\x91", 1, &used), FRAME_E_PENDING);
	ck_assert_int_eq(frame_scan_max((const uint8_t *)"\x92\xc0", 2, 2, &used), -EMSGSIZE);
	free(big);
}
END_TEST

static int open_bytes(struct frame *f, const char *bytes, size_t n)
{
	size_t used;

	ck_assert_int_eq(frame_scan((const uint8_t *)bytes, n, &used), 0);
	ck_assert_uint_eq(used, n);
	return frame_open(f, (const uint8_t *)bytes, n);
}
#define OPEN(f, s) open_bytes(f, s, sizeof(s) - 1)

START_TEST(what_is_no_frame_is_refused_with_its_id_if_it_has_one)
{
	struct frame f;

	ck_assert_int_eq(OPEN(&f, "\xc0"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x90"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x93\x00\x01\xa1m"), -EBADMSG);
	ck_assert(f.has_id && f.id == 1);
	ck_assert_int_eq(OPEN(&f, "\x94\x03\x01\xa1m\x90"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x94\xff\x01\xa1m\x90"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x94\x00\xff\xa1m\x90"), -EBADMSG);
	ck_assert(!f.has_id);
	ck_assert_int_eq(OPEN(&f, "\x94\x00\xcf\0\0\0\1\0\0\0\0\xa1m\x90"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x94\x00\x07\x05\x90"), -EBADMSG);
	ck_assert(f.has_id && f.id == 7);
	ck_assert_int_eq(OPEN(&f, "\x94\x00\x07\xa1m\x80"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x94\x00\x07\xa1m\x91\x05"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x94\x00\x07\xa1m\x92\x80\x80"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x94\x02\xa1m\x90\x90"), -EBADMSG);
	ck_assert_int_eq(OPEN(&f, "\x94\x01\x07\xa1x\xc0"), -EBADMSG);
}
END_TEST

START_TEST(the_id_of_a_refused_request_is_found_in_each_of_its_sizes)
{
	static const struct {
		const char *bytes;
		size_t n;
		uint32_t id;
	} good[] = { { "\x94\x00\x7f", 3, 127 }, { "\x94\x00\xcc\xff", 4, 255 },
		{ "\x94\x00\xcd\x01\x02", 5, 258 },
		{ "\x94\x00\xce\xff\xff\xff\xff", 7, UINT32_MAX } };
	uint32_t id = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const uint8_t *data = (const uint8_t *)good[i].bytes;

		ck_assert(frame_peek_id(data, good[i].n, &id));
		ck_assert_uint_eq(id, good[i].id);
		for (size_t n = 0; n < good[i].n; n++)
			ck_assert(!frame_peek_id(data, n, &id));
	}
	ck_assert(!frame_peek_id((const uint8_t *)"\x94\x01\x07", 3, &id));
	ck_assert(!frame_peek_id((const uint8_t *)"\x94\x00\xcf\0\0\0\0\0\0\0\1", 11, &id));
	ck_assert(!frame_peek_id((const uint8_t *)"\x94\x00\xff", 3, &id));
}
END_TEST

START_TEST(params_may_be_absent_empty_or_nil)
{
	struct frame f;

	ck_assert_int_eq(OPEN(&f, "\x94\x00\x07\xa1m\x90"), 0);
	ck_assert_ptr_null(f.params);
	ck_assert_ptr_null(frame_get(f.params, "x"));
	frame_close(&f);
	ck_assert_int_eq(OPEN(&f, "\x93\x02\xa1m\x91\xc0"), 0);
	ck_assert(f.kind == FRAME_NOTIFICATION && !f.has_id && !f.params);
	frame_close(&f);
	ck_assert_int_eq(OPEN(&f, "\x93\x02\xa1m\x91\x80"), 0);
	ck_assert_ptr_nonnull(f.params);
	frame_close(&f);
}
END_TEST

START_TEST(frames_queue_up_and_an_error_closes_itself)
{
	const uint8_t *data;
	struct frame_span s;
	size_t n, used;
	struct frame f;

	setup();
	frame_begin_error(&out, 3, "limit", "too much", 1);
	frame_put_str(&out, "limit", "max-sessions");
	frame_begin_result(&out, 4, FRAME_NIL);
	frame_begin_notification(&out, "shutdown", 0);
	ck_assert_int_eq(frame_finish(&out, &data, &n), 0);
	ck_assert_int_eq(frame_scan(data, n, &used), 0);
	ck_assert_int_eq(frame_open(&f, data, used), 0);
	ck_assert_int_eq(f.kind, FRAME_RESPONSE);
	ck_assert_int_eq(frame_get_str(f.error, "limit", &s), 0);
	ck_assert(frame_span_is(&s, "max-sessions"));
	ck_assert_int_eq(f.result->type, MSGPACK_OBJECT_NIL);
	frame_close(&f);
	data += used, n -= used;
	ck_assert_int_eq(frame_scan(data, n, &used), 0);
	ck_assert_int_eq(frame_open(&f, data, used), 0);
	ck_assert(f.id == 4 && f.error->type == MSGPACK_OBJECT_NIL);
	frame_close(&f);
	data += used, n -= used;
	ck_assert_int_eq(frame_scan(data, n, &used), 0);
	ck_assert_uint_eq(used, n);
	frame_out_reset(&out);
	ck_assert_int_eq(frame_finish(&out, &data, &n), 0);
	ck_assert_uint_eq(n, 0);
	frame_out_done(&out);
}
END_TEST

START_TEST(a_bin_head_is_completed_by_bytes_sent_after_the_frame)
{
	uint8_t whole[128];
	const uint8_t *data;
	struct frame_span s;
	size_t n, used;
	struct frame f;

	setup();
	frame_begin_notification(&out, "output", 2);
	frame_put_u64(&out, "offset", 70000);
	frame_put_bin_head(&out, "data", 5);
	ck_assert_int_eq(frame_finish(&out, &data, &n), 0);
	memcpy(whole, data, n);
	memcpy(whole + n, "hello", 5);
	ck_assert_int_eq(frame_scan(whole, n, &used), FRAME_E_PENDING);
	ck_assert_uint_eq(used, n + 5);
	ck_assert_int_eq(frame_open(&f, whole, n + 5), 0);
	ck_assert_int_eq(frame_get_bytes(f.params, "data", &s), 0);
	ck_assert(frame_span_is(&s, "hello"));
	frame_close(&f);
	frame_out_done(&out);
}
END_TEST

TEST_MAIN("frame", what_is_built_is_read_back,
	a_number_out_of_its_range_and_a_wrong_type_are_told_from_an_unset_field,
	each_prefix_of_a_frame_is_pending_and_asks_for_more_than_it_has,
	sec_c15_depth_8_is_taken_and_9_is_refused,
	sec_c15_4096_values_are_taken_and_4097_are_refused_by_the_claim_alone,
	sec_c14_a_frame_of_the_bound_is_taken_and_one_byte_more_is_refused_by_the_claim_alone,
	what_is_no_frame_is_refused_with_its_id_if_it_has_one,
	the_id_of_a_refused_request_is_found_in_each_of_its_sizes,
	params_may_be_absent_empty_or_nil, frames_queue_up_and_an_error_closes_itself,
	a_bin_head_is_completed_by_bytes_sent_after_the_frame)

#include <google/rpc/status.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "common/wire/grpc_status.h"
#include "tests/grpc_world.h"
#include "tests/suite.h"

/* ---- deadlines ---- */

START_TEST(timeouts_parse_in_every_unit_and_at_every_edge)
{
	static const struct {
		const char *text;
		uint64_t usec;
	} good[] = { { "5M", 300 * USEC_PER_SEC }, { "977m", 977000 }, { "1n", 1 }, { "0n", 0 },
		{ "1000n", 1 }, { "1001n", 2 }, { "7u", 7 }, { "2S", 2 * USEC_PER_SEC },
		{ "00000001S", USEC_PER_SEC },
		{ "99999999H", UINT64_C(99999999) * 3600 * USEC_PER_SEC } };
	static const char *const bad[] = { "", "5", "M", "5x", "5MM", "-5M", "+5M", " 5M", "5 M",
		"123456789S", "5.0S", "0x5S" };
	uint64_t usec;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ck_assert_msg(grpc_timeout_parse(good[i].text, &usec) == 0, "%s", good[i].text);
		ck_assert_uint_eq(usec, good[i].usec);
	}
	usec = 42;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(grpc_timeout_parse(bad[i], &usec) == -EINVAL, "%s", bad[i]);
	ck_assert_uint_eq(usec, 42);
}
END_TEST

START_TEST(timeouts_are_written_in_8_digits_rounded_up)
{
	static const struct {
		uint64_t usec;
		const char *text;
	} cases[] = { { 1, "1u" }, { 99999999, "99999999u" }, { 100000000, "100000m" },
		{ 100000001, "100001m" }, { UINT64_C(99999999000), "99999999m" },
		{ UINT64_C(99999999001), "100000S" }, { UINT64_C(100000000000000), "1666667M" },
		{ UINT64_MAX, "99999999H" } };
	char text[GRPC_TIMEOUT_TEXT_MAX];
	uint64_t back;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		grpc_timeout_format(cases[i].usec, text);
		ck_assert_str_eq(text, cases[i].text);
		ck_assert_int_eq(grpc_timeout_parse(text, &back), 0);
		ck_assert(back >= cases[i].usec || cases[i].usec == UINT64_MAX);
	}
}
END_TEST

/* ---- texts ---- */

static void check_decode(const char *text, const char *expected)
{
	char *s = grpc_percent_decode(text, GRPC_STATUS_TEXT_MAX);

	ck_assert_str_eq(s, expected);
	free(s);
}

START_TEST(percent_coding_is_exact_both_ways)
{
	char all[256], *text, *back;

	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	text = grpc_percent_encode(all, SIZE_MAX);
	for (const char *p = text; *p; p++)
		ck_assert(*p >= 0x20 && *p < 0x7f);
	back = grpc_percent_decode(text, GRPC_STATUS_TEXT_MAX);
	ck_assert_str_eq(back, all);
	free(text);
	free(back);
	text = grpc_percent_encode("a%b\n\xc3\xa9~ ", SIZE_MAX);
	ck_assert_str_eq(text, "a%25b%0A%C3%A9~ ");
	free(text);
	check_decode("%C3%A9 %c3%a9", "\xc3\xa9 \xc3\xa9");
	check_decode("100% %zz %4", "100% %zz %4"); /* what is no escape stays */
	check_decode("a%00b", "a%00b");             /* a NUL would hide the rest */
	check_decode("", "");
}
END_TEST

START_TEST(a_message_is_cut_at_its_bound)
{
	static char longer[2 * GRPC_STATUS_TEXT_MAX];
	struct grpc_status st = { 0 };
	char *s;

	memset(longer, 'x', sizeof(longer) - 1);
	s = grpc_percent_decode(longer, GRPC_STATUS_TEXT_MAX);
	ck_assert_uint_eq(strlen(s), GRPC_STATUS_TEXT_MAX);
	free(s);
	ck_assert_int_eq(grpc_status_set(&st, 1, longer, "%s", longer), 0);
	ck_assert_uint_eq(strlen(st.message), GRPC_STATUS_TEXT_MAX);
	grpc_status_done(&st);
}
END_TEST

START_TEST(base64_reads_padded_and_bare_and_nothing_else)
{
	static const char *const bad[] = { "A", "AAAAA", "A=AA", "AA=A", "AA==AA==", "A A A",
		"AA\nA", "====", "A===", "AA-_" };
	uint8_t data[64];
	size_t n;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 200);
	for (size_t l = 0; l <= sizeof(data); l++) {
		char *text = grpc_base64_encode(data, l), padded[128];
		uint8_t *back = grpc_base64_decode(text, &n);

		ck_assert_ptr_nonnull(back);
		ck_assert_uint_eq(n, l);
		ck_assert_int_eq(memcmp(back, data, l), 0);
		free(back);
		snprintf(padded, sizeof(padded), "%s%s", text,
			l % 3 == 1 ? "=="
			: l % 3    ? "="
				   : "");
		back = grpc_base64_decode(padded, &n);
		ck_assert_ptr_nonnull(back);
		ck_assert_uint_eq(n, l);
		ck_assert_int_eq(memcmp(back, data, l), 0);
		free(back);
		free(text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(grpc_base64_decode(bad[i], &n) == NULL, "%s", bad[i]);
}
END_TEST

/* ---- details ---- */

static void fill(struct grpc_status *st)
{
	ck_assert_int_eq(
		grpc_status_set(st, GRPC_RESOURCE_EXHAUSTED, "CWSANDBOX_X", "full: %d\n", 7), 0);
	ck_assert_int_eq(grpc_status_add_metadata(st, "size_bytes", "42"), 0);
	ck_assert_int_eq(grpc_status_add_metadata(st, "empty", ""), 0);
	ck_assert_int_eq(grpc_status_add_violation(st, "spec.image", "not a reference"), 0);
	st->has_retry_delay = true;
	st->retry_delay_usec = 1500001;
}

static void check_filled(const struct grpc_status *st)
{
	ck_assert_int_eq(st->code, GRPC_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(st->message, "full: 7\n");
	ck_assert_str_eq(st->reason, "CWSANDBOX_X");
	ck_assert_uint_eq(st->n_metadata, 2);
	ck_assert_str_eq(st->metadata[0].key, "size_bytes");
	ck_assert_str_eq(st->metadata[0].value, "42");
	ck_assert_str_eq(st->metadata[1].value, "");
	ck_assert_uint_eq(st->n_violations, 1);
	ck_assert_str_eq(st->violations[0].field, "spec.image");
	ck_assert_str_eq(st->violations[0].description, "not a reference");
	ck_assert(st->has_retry_delay);
	ck_assert_uint_eq(st->retry_delay_usec, 1500001);
}

START_TEST(a_status_arrives_with_all_its_details)
{
	for (int early = 0; early < 2; early++) {
		struct grpc_status st = { 0 };
		struct world w;

		world_init(&w);
		start_with(&w, 0);
		pair_pump(&w.pair);
		if (early)
			grpc_send_headers(&w.server.call);
		fill(&st);
		ck_assert_int_eq(grpc_finish(&w.server.call, &st), 0);
		grpc_status_done(&st);
		pair_pump(&w.pair);
		check_filled(&w.client.status);
		world_done(&w);
	}
}
END_TEST

START_TEST(a_copy_of_a_status_is_whole_and_may_go_onto_itself)
{
	struct grpc_status a = { 0 }, b = { 0 };

	fill(&a);
	a.unprocessed = a.transport = true;
	ck_assert_int_eq(grpc_status_copy(&b, &a), 0);
	ck_assert_int_eq(grpc_status_copy(&b, &b), 0);
	grpc_status_done(&a);
	check_filled(&b);
	ck_assert(b.unprocessed && b.transport);
	ck_assert_int_eq(grpc_status_set(&b, GRPC_ABORTED, b.reason, "was: %s", b.message), 0);
	ck_assert_str_eq(b.reason, "CWSANDBOX_X");
	ck_assert_str_eq(b.message, "was: full: 7\n");
	ck_assert_uint_eq(b.n_metadata, 0);
	grpc_status_done(&b);
}
END_TEST

/* Details as another implementation writes them: a list of (type, bytes). */
struct detail {
	const char *type_url;
	uint8_t value[256];
	size_t n;
};

static void add_info(struct detail *d, const char *type_url, const char *reason, const char *domain)
{
	Google__Rpc__ErrorInfo m = GOOGLE__RPC__ERROR_INFO__INIT;

	d->type_url = type_url;
	m.reason = (char *)reason;
	m.domain = (char *)domain;
	d->n = google__rpc__error_info__pack(&m, d->value);
}

static void add_retry(struct detail *d, int64_t seconds, int32_t nanos)
{
	Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
	Google__Rpc__RetryInfo m = GOOGLE__RPC__RETRY_INFO__INIT;

	d->type_url = "type.googleapis.com/google.rpc.RetryInfo";
	delay.seconds = seconds;
	delay.nanos = nanos;
	m.retry_delay = &delay;
	d->n = google__rpc__retry_info__pack(&m, d->value);
}

static void receive(struct world *w, struct detail *details, size_t n)
{
	Google__Rpc__Status m = GOOGLE__RPC__STATUS__INIT;
	Google__Protobuf__Any any[16], *list[16];
	struct h2_header headers[] = { { ":status", "200" }, { "content-type", "application/grpc" },
		{ "grpc-status", "5" }, { "grpc-status-details-bin", NULL } };
	struct by_hand b = { .headers = headers, .n_headers = 4 };
	uint8_t packed[4096];
	char *text;

	for (size_t i = 0; i < n; i++) {
		google__protobuf__any__init(&any[i]);
		any[i].type_url = (char *)details[i].type_url;
		any[i].value.data = details[i].value;
		any[i].value.len = details[i].n;
		list[i] = &any[i];
	}
	m.n_details = n;
	m.details = list;
	text = grpc_base64_encode(packed, google__rpc__status__pack(&m, packed));
	headers[3].value = text;
	world_init(w);
	w->by_hand = &b;
	start_with(w, 0);
	pair_pump(&w->pair);
	ck_assert_int_eq(w->client.status.code, GRPC_NOT_FOUND);
	w->by_hand = NULL;
	free(text);
}

#define INFO "type.googleapis.com/google.rpc.ErrorInfo"

START_TEST(the_first_usable_detail_of_each_kind_wins)
{
	struct detail d[8] = { 0 };
	struct world w;

	add_info(&d[0], INFO, "FOREIGN", "example.com");
	d[1] = (struct detail){ .type_url = INFO, .value = { 0xff, 0xff }, .n = 2 };
	add_info(&d[2], INFO, "", GRPC_DOMAIN);
	add_info(&d[3], "example.com/some/path/google.rpc.ErrorInfo", "FIRST", GRPC_DOMAIN);
	add_info(&d[4], INFO, "SECOND", GRPC_DOMAIN);
	add_retry(&d[5], -1, 0);
	add_retry(&d[6], 2, 1);
	add_retry(&d[7], 9, 0);
	receive(&w, d, 8);
	ck_assert_str_eq(w.client.status.reason, "FIRST");
	ck_assert(w.client.status.has_retry_delay);
	ck_assert_uint_eq(w.client.status.retry_delay_usec, 2000001);
	world_done(&w);
}
END_TEST

START_TEST(details_of_no_use_leave_the_status_bare)
{
	struct detail d[6] = { 0 };
	struct world w;

	add_info(&d[0], "google.rpc.ErrorInfo", "NO_SLASH", GRPC_DOMAIN);
	add_info(&d[1], "type.googleapis.com/x.google.rpc.ErrorInfo", "OTHER_NAME", GRPC_DOMAIN);
	add_info(&d[2], "", "NO_TYPE", GRPC_DOMAIN);
	add_retry(&d[3], 0, 1000000000);
	add_retry(&d[4], INT64_MAX, 0);
	add_retry(&d[5], 0, -1);
	receive(&w, d, 6);
	ck_assert_ptr_null(w.client.status.reason);
	ck_assert(!w.client.status.has_retry_delay);
	world_done(&w);
}
END_TEST

START_TEST(details_that_are_no_base64_or_no_message_are_passed_over)
{
	static const char *const texts[] = { "!!!!", "A", "/////w", "" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct h2_header headers[] = { { ":status", "200" },
			{ "content-type", "application/grpc" }, { "grpc-status", "7" },
			{ "grpc-message", "no" }, { "grpc-status-details-bin", texts[i] } };
		struct by_hand b = { .headers = headers, .n_headers = 5 };
		struct world w;

		world_init(&w);
		w.by_hand = &b;
		start_with(&w, 0);
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.status.code, GRPC_PERMISSION_DENIED);
		ck_assert_str_eq(w.client.status.message, "no");
		ck_assert_ptr_null(w.client.status.reason);
		world_done(&w);
	}
}
END_TEST

START_TEST(details_have_bounds_and_the_largest_status_still_arrives)
{
	static char text[GRPC_STATUS_TEXT_MAX + 1];
	struct grpc_status st = { 0 };
	struct world w;

	memset(text, '\n', sizeof(text) - 1); /* three bytes for one */
	ck_assert_int_eq(grpc_status_set(&st, GRPC_INVALID_ARGUMENT, "CWSANDBOX_Y", "%s", text), 0);
	for (size_t i = 0; i < GRPC_VIOLATIONS_MAX; i++)
		ck_assert_int_eq(grpc_status_add_violation(&st, text, text), 0);
	ck_assert_int_eq(grpc_status_add_violation(&st, "f", "d"), -E2BIG);
	for (size_t i = 0; i < GRPC_METADATA_MAX; i++)
		ck_assert_int_eq(grpc_status_add_metadata(&st, "k", text), 0);
	ck_assert_int_eq(grpc_status_add_metadata(&st, "k", "v"), -E2BIG);
	world_init(&w);
	start_with(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(grpc_finish(&w.server.call, &st), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_INVALID_ARGUMENT);
	ck_assert_str_eq(w.client.status.reason, "CWSANDBOX_Y");
	ck_assert_uint_eq(w.client.status.n_violations, 0);
	ck_assert_uint_eq(strlen(w.client.status.message), GRPC_STATUS_TEXT_MAX / 4);
	grpc_status_done(&st);
	world_done(&w);
}
END_TEST

/* ---- messages in and out ---- */

START_TEST(a_promised_size_allocates_nothing_until_bytes_come)
{
	struct grpc_part part = { (const uint8_t *)"abc", 3, 0, GRPC_FILE_MESSAGE_MAX };
	struct grpc_gather g = { 0 };
	const uint8_t *data;
	size_t n;

	ck_assert_int_eq(grpc_gather_feed(&g, &part, &data, &n), 0);
	ck_assert_uint_le(g.cap, 4096);
	part.offset = 4; /* not what follows */
	ck_assert_int_eq(grpc_gather_feed(&g, &part, &data, &n), -EPROTO);
	part = (struct grpc_part){ (const uint8_t *)"whole", 5, 0, 5 };
	ck_assert_int_eq(grpc_gather_feed(&g, &part, &data, &n), GRPC_GATHER_WHOLE);
	ck_assert_ptr_eq(data, part.data); /* not copied */
	grpc_gather_done(&g);
}
END_TEST

START_TEST(an_outbox_that_is_read_does_not_grow)
{
	struct grpc_outbox o = { 0 };
	uint8_t buf[64], message[40] = { 1 };
	size_t left = 0;

	for (int i = 0; i < 10000; i++) {
		ck_assert_int_eq(grpc_outbox_put(&o, message, sizeof(message)), 0);
		left += sizeof(message) + GRPC_PREFIX_BYTES;
		if (left > 200) {
			size_t l = grpc_outbox_read(&o, buf, sizeof(buf));

			ck_assert_uint_eq(l, sizeof(buf));
			left -= l;
		}
		ck_assert_uint_eq(o.n - o.pos, left);
	}
	ck_assert_uint_le(o.cap, 1024);
	while (left)
		left -= grpc_outbox_read(&o, buf, sizeof(buf));
	ck_assert(grpc_outbox_empty(&o));
	ck_assert_uint_eq(grpc_outbox_read(&o, buf, sizeof(buf)), 0);
	grpc_outbox_done(&o);
}
END_TEST

TEST_MAIN("grpc_status", timeouts_parse_in_every_unit_and_at_every_edge,
	timeouts_are_written_in_8_digits_rounded_up, percent_coding_is_exact_both_ways,
	a_message_is_cut_at_its_bound, base64_reads_padded_and_bare_and_nothing_else,
	a_status_arrives_with_all_its_details, a_copy_of_a_status_is_whole_and_may_go_onto_itself,
	the_first_usable_detail_of_each_kind_wins, details_of_no_use_leave_the_status_bare,
	details_that_are_no_base64_or_no_message_are_passed_over,
	details_have_bounds_and_the_largest_status_still_arrives,
	a_promised_size_allocates_nothing_until_bytes_come, an_outbox_that_is_read_does_not_grow)

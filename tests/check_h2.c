#include <stdio.h>
#include <string.h>

#include "tests/h2_world.h"
#include "tests/suite.h"

/* ---- windows ---- */

START_TEST(a_paused_stream_does_not_stop_its_neighbour)
{
	struct world w;

	world_init(&w);
	w.client[0].keep_window = true;
	open_one(&w, 0);
	open_one(&w, 1);
	w.server[0].to_send = w.server[1].to_send =
		40000000; /* far more than the connection window */
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, PAIR_STREAM_WINDOW);
	ck_assert_uint_eq(w.client[1].got, 40000000);
	h2_consume(w.client[0].st, 40000);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, PAIR_STREAM_WINDOW + 40000);
	world_done(&w);
}
END_TEST

START_TEST(a_hundred_paused_streams_leave_the_connection_open)
{
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < 100; i++) {
		w.client[i].keep_window = i > 0;
		w.server[i].to_send = 1000000;
		open_one(&w, i);
	}
	pair_pump(&w.pair);
	for (size_t i = 1; i < 100; i++)
		ck_assert_uint_eq(w.client[i].got, PAIR_STREAM_WINDOW);
	ck_assert_uint_eq(w.client[0].got, 1000000);
	world_done(&w);
}
END_TEST

START_TEST(a_widened_stream_has_more_in_flight_and_its_neighbour_has_not)
{
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < 2; i++) {
		w.client[i].keep_window = true;
		w.server[i].to_send = 1000000;
		open_one(&w, i);
	}
	h2_widen(w.client[0].st, 300000);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 300000);
	ck_assert_uint_eq(w.client[1].got, PAIR_STREAM_WINDOW);
	h2_consume(w.client[0].st, 200000);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 500000);
	world_done(&w);
}
END_TEST

START_TEST(a_peer_with_an_empty_window_is_told_of_small_pieces)
{
	struct world w;

	world_init(&w);
	w.client[0].keep_window = true;
	w.server[0].to_send = 1000000;
	open_one(&w, 0);
	h2_widen(w.client[0].st, 500000);
	pair_pump(&w.pair);
	h2_consume(w.client[0].st, H2_UPDATE_MIN - 1);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 500000);
	h2_consume(w.client[0].st, 1);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 500000 + H2_UPDATE_MIN);
	for (unsigned i = 0; i < 100; i++) {
		h2_consume(w.client[0].st, 3000);
		pair_pump(&w.pair);
	}
	h2_consume(w.client[0].st, 200000 - H2_UPDATE_MIN); /* all but what is held */
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 1000000);
	ck_assert_uint_eq(
		h2_unacknowledged(w.server[0].st), 500000); /* and no window more than that */
	world_done(&w);
}
END_TEST

START_TEST(unacknowledged_is_what_window_updates_did_not_cover)
{
	struct world w;

	world_init(&w);
	w.client[0].to_send = 50000;
	open_one(&w, 0);
	w.client[0].hold = true;
	pair_pump(&w.pair);
	w.server[0].keep_window = true;
	w.client[0].hold = false;
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 0);
	h2_resume(w.client[0].st);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.server[0].got, 50000);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 50000);
	h2_consume(w.server[0].st, 40000); /* over half a window: an update goes out */
	pair_pump(&w.pair);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 10000);
	world_done(&w);
}
END_TEST

/* ---- streams and their ends ---- */

START_TEST(a_stream_beyond_the_peers_limit_is_busy_until_one_closes)
{
	struct h2_config config = { .role = H2_SERVER,
		.stream_window = PAIR_STREAM_WINDOW,
		.max_streams = 2,
		.ops = &server_ops };
	struct world w;

	world_init(&w);
	w.pair.server = h2_free(w.pair.server);
	config.arg = &w;
	ck_assert_int_eq(h2_new(&w.pair.server, &config), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.n_settings, 1);
	ck_assert_uint_eq(w.max_streams, 2);
	open_one(&w, 0);
	open_one(&w, 1);
	ck_assert_int_eq(try_open(&w, 2), H2_E_BUSY);
	h2_reset(w.client[0].st, H2_CANCEL);
	ck_assert_int_eq(try_open(&w, 2), H2_E_BUSY); /* it is not closed yet */
	ck_assert_int_eq(w.client[0].n_close, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_close, 1);
	open_one(&w, 2);
	pair_pump(&w.pair);
	ck_assert_uint_eq(h2_n_streams(w.pair.client), 2);
	world_done(&w);
}
END_TEST

START_TEST(fault_f08_a_lowered_limit_is_told_and_kept)
{
	static struct raw raw;
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.n_settings, 1);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\1", 6); /* MAX_CONCURRENT_STREAMS 1 */
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_int_eq(w.n_settings, 2);
	ck_assert_uint_eq(w.max_streams, 1);
	ck_assert_int_eq(try_open(&w, 1), H2_E_BUSY);
	raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\2", 6);
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_uint_eq(w.max_streams, 2);
	open_one(&w, 1);
	world_done(&w);
}
END_TEST

START_TEST(fault_f08_a_window_of_zero_holds_the_body_and_loses_nothing)
{
	struct h2_config config = {
		.role = H2_SERVER, .stream_window = 0, .max_streams = 10, .ops = &server_ops
	};
	struct world w;

	world_init(&w);
	w.pair.server = h2_free(w.pair.server);
	config.arg = &w;
	ck_assert_int_eq(h2_new(&w.pair.server, &config), 0);
	pair_pump(&w.pair);
	w.client[0].to_send = 100;
	open_one(&w, 0);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].sent, 0);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 0);
	ck_assert(!h2_wants_write(w.pair.client)); /* no spin while it waits */
	world_done(&w);
}
END_TEST

START_TEST(before_the_peers_settings_a_client_opens_a_hundred_streams)
{
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < H2_STREAMS_BEFORE_SETTINGS; i++)
		open_one(&w, i);
	ck_assert_int_eq(try_open(&w, H2_STREAMS_BEFORE_SETTINGS), H2_E_BUSY);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.n_server, H2_STREAMS_BEFORE_SETTINGS);
	world_done(&w);
}
END_TEST

START_TEST(a_request_nobody_takes_is_refused)
{
	struct world w;

	world_init(&w);
	w.refuse = true;
	open_one(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_close, 1);
	ck_assert_uint_eq(w.client[0].error, H2_REFUSED_STREAM);
	ck_assert(!w.client[0].lost);
	ck_assert_uint_eq(h2_n_streams(w.pair.server), 0);
	world_done(&w);
}
END_TEST

START_TEST(an_answer_that_ends_early_stops_the_client_with_no_error)
{
	const struct h2_header trailers[] = { { "grpc-status", "0" } };
	struct world w;

	world_init(&w);
	w.client[0].to_send = 1000; /* and no end */
	open_one(&w, 0);
	pair_pump(&w.pair);
	w.server[0].end = true;
	w.server[0].to_send = 70000;
	ck_assert_int_eq(h2_stream_trailers(w.server[0].st, trailers, 1), 0);
	h2_resume(w.server[0].st);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 70000);
	ck_assert_int_eq(w.client[0].n_trailers, 1);
	ck_assert_int_eq(w.client[0].n_end, 1);
	ck_assert_int_eq(w.client[0].n_close, 1);
	ck_assert_uint_eq(w.client[0].error, H2_NO_ERROR);
	ck_assert_int_eq(w.server[0].n_close, 1);
	ck_assert_uint_eq(w.server[0].error, H2_NO_ERROR);
	world_done(&w);
}
END_TEST

START_TEST(a_stream_that_closes_by_itself_is_not_reset_again)
{
	const uint8_t *data;
	struct world w;
	ssize_t l;

	world_init(&w);
	w.server[0].end = true;
	open_one(&w, 0);
	ck_assert_int_eq(pair_carry_all(&w.pair, w.pair.client, w.pair.server), 0);
	ck_assert_int_eq(pair_carry_all(&w.pair, w.pair.server, w.pair.client), 0);
	ck_assert_int_eq(w.client[0].n_close, 1); /* by the server's RST_STREAM(NO_ERROR) */

	memset(&w.client[0], 0, sizeof(w.client[0]));
	w.client[0].reset_at_end = true;
	w.server[1].end = true;
	open_one(&w, 0);
	ck_assert_int_eq(pair_carry_all(&w.pair, w.pair.client, w.pair.server), 0);
	ck_assert_int_eq(pair_carry_all(&w.pair, w.pair.server, w.pair.client), 0);
	ck_assert_int_eq(w.client[0].n_close, 1);
	for (l = h2_gather(w.pair.client, &data); l > 0; l = h2_gather(w.pair.client, &data))
		ck_assert_int_ne(data[3], NGHTTP2_RST_STREAM);
	world_done(&w);
}
END_TEST

START_TEST(sec_c36_late_data_of_a_closed_stream_is_dropped_and_its_window_returned)
{
	struct world w;

	world_init(&w);
	pair_pump(&w.pair);
	/* 400 streams full of data that arrives after their reset: more than the connection window
	 */
	for (int i = 0; i < 400; i++) {
		static uint8_t wire[2 * PAIR_STREAM_WINDOW];
		size_t n = 0, got;
		const uint8_t *data;
		bool any;
		ssize_t l;

		memset(&w.client[0], 0, sizeof(w.client[0]));
		memset(&w.server[0], 0, sizeof(w.server[0]));
		w.n_server = 0;
		w.server[0].to_send = PAIR_STREAM_WINDOW;
		open_one(&w, 0);
		do {
			any = false;
			ck_assert_int_eq(
				pair_carry(&w.pair, w.pair.client, w.pair.server, &any), 0);
		} while (any);
		for (l = h2_gather(w.pair.server, &data); l > 0;
			l = h2_gather(w.pair.server, &data)) {
			ck_assert_uint_le(n + (size_t)l, sizeof(wire));
			memcpy(wire + n, data, (size_t)l);
			n += (size_t)l;
		}
		ck_assert_uint_gt(n, PAIR_STREAM_WINDOW);
		h2_reset(w.client[0].st, H2_CANCEL);
		while (h2_gather(w.pair.client, &data) > 0) /* the RST_STREAM is lost on its way */
			;
		ck_assert_int_eq(w.client[0].n_close, 1);
		got = w.client[0].got;
		ck_assert_int_eq(h2_recv(w.pair.client, wire, n, 0), 0);
		ck_assert_uint_eq(w.client[0].got, got);
		h2_reset(w.server[0].st, H2_CANCEL);
		pair_pump(&w.pair);
	}
	world_done(&w);
}
END_TEST

START_TEST(a_reset_stream_is_told_nothing_but_its_end)
{
	struct world w;

	world_init(&w);
	w.server[0].to_send = 1000;
	open_one(&w, 0);
	h2_reset(w.client[0].st, H2_CANCEL);
	ck_assert_int_eq(w.client[0].n_close, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_headers, 0);
	ck_assert_uint_eq(w.client[0].got, 0);
	ck_assert_int_eq(w.client[0].n_close, 1);
	ck_assert_uint_eq(w.client[0].error, H2_CANCEL);
	world_done(&w);
}
END_TEST

START_TEST(what_arrives_between_a_reset_and_its_sending_is_not_told)
{
	struct world w;
	const uint8_t *data;
	uint8_t *wire;
	size_t n = 0;
	ssize_t l;

	world_init(&w);
	open_one(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_headers, 1);
	w.server[0].to_send = 5000;
	w.server[0].end = true;
	h2_resume(w.server[0].st);
	wire = malloc(10000);
	for (l = h2_gather(w.pair.server, &data); l > 0; l = h2_gather(w.pair.server, &data)) {
		ck_assert_uint_le(n + (size_t)l, 10000);
		memcpy(wire + n, data, (size_t)l);
		n += (size_t)l;
	}
	h2_reset(w.client[0].st, H2_CANCEL);
	ck_assert_int_eq(h2_recv(w.pair.client, wire, n, 0), 0);
	ck_assert_uint_eq(w.client[0].got, 0);
	ck_assert_int_eq(w.client[0].n_end, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_close, 1);
	free(wire);
	world_done(&w);
}
END_TEST

START_TEST(freeing_a_connection_ends_its_streams_as_lost)
{
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	pair_pump(&w.pair);
	open_one(&w, 1); /* still queued */
	w.pair.client = h2_free(w.pair.client);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(w.client[i].n_close, 1);
		ck_assert_uint_eq(w.client[i].error, H2_CANCEL);
		ck_assert(w.client[i].lost);
	}
	world_done(&w);
}
END_TEST

START_TEST(fault_f05_after_goaway_open_streams_finish_and_new_ones_are_busy)
{
	struct world w;

	world_init(&w);
	w.client[0].end = true;
	open_one(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(h2_goaway(w.pair.server, H2_NO_ERROR), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.n_goaway, 1);
	ck_assert_int_eq(w.goaway_last, 1);
	ck_assert_int_eq(try_open(&w, 1), H2_E_BUSY);
	ck_assert(!h2_finished(w.pair.client));
	w.server[0].end = true;
	h2_resume(w.server[0].st);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_end, 1);
	ck_assert_uint_eq(w.client[0].error, H2_NO_ERROR);
	ck_assert(h2_finished(w.pair.client));
	ck_assert(h2_finished(w.pair.server));
	ck_assert(!h2_broken(w.pair.client));
	world_done(&w);
}
END_TEST

START_TEST(after_its_own_goaway_a_client_opens_no_more_and_finishes)
{
	struct world w;

	world_init(&w);
	w.client[0].end = w.server[0].end = true;
	open_one(&w, 0);
	w.server[0].hold = true;
	ck_assert_int_eq(h2_goaway(w.pair.client, H2_NO_ERROR), 0);
	ck_assert_int_eq(try_open(&w, 1), H2_E_BUSY);
	pair_pump(&w.pair);
	ck_assert_int_eq(try_open(&w, 1), H2_E_BUSY);
	if (w.server[0].st)
		h2_resume(w.server[0].st);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_end, 1);
	ck_assert(h2_finished(w.pair.client));
	world_done(&w);
}
END_TEST

START_TEST(fault_f05_streams_above_goaways_last_id_end_refused)
{
	static struct raw raw;
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	open_one(&w, 1);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
	pair_pump(&w.pair);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8);
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_int_eq(w.client[0].n_close, 0);
	ck_assert_int_eq(w.client[1].n_close, 1);
	ck_assert_uint_eq(w.client[1].error, H2_REFUSED_STREAM);
	ck_assert(!w.client[1].lost);
	world_done(&w);
}
END_TEST

START_TEST(a_ping_is_acknowledged_with_its_payload)
{
	struct world w;

	world_init(&w);
	ck_assert_int_eq(h2_ping(w.pair.client, (const uint8_t *)"payload!"), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(memcmp(w.ping, "payload!", 8), 0);
	world_done(&w);
}
END_TEST

START_TEST(everything_works_byte_by_byte)
{
	const struct h2_header trailers[] = { { "grpc-status", "0" } };
	struct world w;

	world_init(&w);
	w.pair.piece = 1;
	w.client[0].end = w.server[0].end = true;
	w.client[0].to_send = w.server[0].to_send = 3000;
	open_one(&w, 0);
	w.server[0].hold = true;
	pair_pump(&w.pair);
	ck_assert_int_eq(h2_stream_trailers(w.server[0].st, trailers, 1), 0);
	w.server[0].hold = false;
	h2_resume(w.server[0].st);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 3000);
	ck_assert_uint_eq(w.server[0].got, 3000);
	ck_assert_int_eq(w.client[0].n_trailers, 1);
	ck_assert_int_eq(w.client[0].n_close, 1);
	world_done(&w);
}
END_TEST

START_TEST(an_informational_answer_is_passed_over)
{
	static struct raw raw;
	static const uint8_t early_hints[] = { 0x08, 3, '1', '0', '3' }; /* :status 103 */
	struct said said;
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	raw_as_server(&raw, w.pair.client, &said);
	raw_frame(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, early_hints,
		sizeof(early_hints));
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_int_eq(w.client[0].n_headers, 0);
	raw_frame(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
		answer_block, sizeof(answer_block));
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_int_eq(w.client[0].n_headers, 1);
	ck_assert_int_eq(w.client[0].n_trailers, 0);
	ck_assert_int_eq(w.client[0].n_end, 1);
	world_done(&w);
}
END_TEST

START_TEST(an_update_ahead_of_the_bytes_acknowledges_none_of_them)
{
	static struct raw raw;
	struct said said;
	struct world w;

	world_init(&w);
	w.client[0].hold = true;
	w.client[0].to_send = 100;
	open_one(&w, 0);
	raw_as_server(&raw, w.pair.client, &said);
	raw_frame(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\1\0\0", 4);
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	w.client[0].hold = false;
	h2_resume(w.client[0].st);
	listen_to(w.pair.client, &said, false);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 100);
	raw_frame(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\144", 4);
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 0);
	world_done(&w);
}
END_TEST

TEST_MAIN("h2", a_paused_stream_does_not_stop_its_neighbour,
	a_hundred_paused_streams_leave_the_connection_open,
	a_widened_stream_has_more_in_flight_and_its_neighbour_has_not,
	a_peer_with_an_empty_window_is_told_of_small_pieces,
	unacknowledged_is_what_window_updates_did_not_cover,
	a_stream_beyond_the_peers_limit_is_busy_until_one_closes,
	fault_f08_a_lowered_limit_is_told_and_kept,
	fault_f08_a_window_of_zero_holds_the_body_and_loses_nothing,
	before_the_peers_settings_a_client_opens_a_hundred_streams,
	a_request_nobody_takes_is_refused, an_answer_that_ends_early_stops_the_client_with_no_error,
	a_stream_that_closes_by_itself_is_not_reset_again,
	sec_c36_late_data_of_a_closed_stream_is_dropped_and_its_window_returned,
	a_reset_stream_is_told_nothing_but_its_end,
	what_arrives_between_a_reset_and_its_sending_is_not_told,
	freeing_a_connection_ends_its_streams_as_lost,
	fault_f05_after_goaway_open_streams_finish_and_new_ones_are_busy,
	after_its_own_goaway_a_client_opens_no_more_and_finishes,
	fault_f05_streams_above_goaways_last_id_end_refused,
	a_ping_is_acknowledged_with_its_payload, everything_works_byte_by_byte,
	an_informational_answer_is_passed_over,
	an_update_ahead_of_the_bytes_acknowledges_none_of_them)

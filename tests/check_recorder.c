/* A recorder and its disk: a sink that takes a piece, and is done with it when the test says so. */
#include "tests/attachment_world.h"

#include "daemon/core/recorder.h"

#define PIECE ((size_t)16 * 1024)

static struct {
	struct recorder *rec;
	struct recorder_piece piece;
	uint8_t data[PIECE];
	size_t n_woken, written;
	uint64_t missing, next;
	bool woken, busy, ended;
} disk;

static void on_wake(void *sink)
{
	ck_assert_ptr_eq(sink, &disk);
	disk.n_woken++;
	disk.woken = true;
}

static const struct recorder_ops ops = { .wake = on_wake };

static uint8_t byte_at(uint64_t offset)
{
	return blob[offset % sizeof(blob)];
}

static void disk_open(bool hold, bool whole)
{
	memset(&disk, 0, sizeof(disk));
	ck_assert_int_eq(recorder_new(&disk.rec, &(struct recorder_config){ .session = s,
							 .ops = &ops,
							 .sink = &disk,
							 .hold = hold,
							 .whole = whole }),
		0);
	disk.next = disk.rec->reader.pos;
}

static void disk_take(void)
{
	recorder_take(disk.rec, disk.data, sizeof(disk.data), &disk.piece);
	disk.missing += disk.piece.missing;
	disk.ended = disk.piece.end;
	disk.busy = disk.piece.n;
	disk.woken = disk.busy;
	if (!disk.busy)
		return;
	ck_assert_uint_eq(disk.piece.offset, disk.next + disk.piece.missing);
	for (size_t i = 0; i < disk.piece.n; i++)
		if (disk.data[i] != byte_at(disk.piece.offset + i))
			ck_abort_msg("another byte at %zu", i);
	disk.next = disk.piece.offset + disk.piece.n;
}

static void disk_done(int r)
{
	disk.written += r ? 0 : disk.piece.n;
	disk.busy = false;
	recorder_wrote(disk.rec, r);
}

/* Takes and writes all there is. */
static void disk_drain(void)
{
	while (disk.woken) {
		if (!disk.busy)
			disk_take();
		if (disk.busy)
			disk_done(0);
		fake_turn(&fake);
	}
}

static void disk_close(void)
{
	disk.rec = recorder_free(disk.rec);
	end();
}

START_TEST(a_disk_that_keeps_up_gets_every_byte_in_order)
{
	begin();
	output(blob, 1000);
	disk_open(false, true);
	fake_turn(&fake);
	for (size_t i = 0; i < 20; i++) {
		disk_drain();
		ck_assert_uint_eq(disk.written, s->log.head);
		fake_turn(&fake);
		ck_assert(!disk.woken); /* nothing new */
		ck_assert_int_eq(session_output(s, blob + s->log.head % LOG_BYTES,
					 LOG_BYTES / 2 - s->log.head % (LOG_BYTES / 2), LOG_STDOUT),
			0);
		fake_turn(&fake);
		ck_assert(disk.woken);
	}
	disk_drain();
	ck_assert_uint_eq(disk.missing, 0);
	disk_close();
}
END_TEST

START_TEST(a_slow_disk_never_holds_the_session_and_what_is_missing_is_counted)
{
	begin();
	disk_open(false, true);
	for (size_t i = 0; i < 64; i++) {
		output(blob, LOG_BYTES);
		ck_assert_uint_eq(session_room(s), LOG_BYTES);
		ck_assert_uint_eq(fake_last(&fake)->consumed, (i + 1) * LOG_BYTES);
		if (i % 16 == 0)
			disk_take();
		else if (i % 16 == 8)
			disk_done(0); /* it took eight logs' time to write one piece */
	}
	if (disk.busy)
		disk_done(0);
	disk_drain();
	ck_assert_uint_gt(disk.missing, 0);
	ck_assert_uint_eq(disk.written + disk.missing, 64 * LOG_BYTES);
	ck_assert_uint_eq(disk.rec->missing_ever, disk.missing);
	disk_close();
}
END_TEST

START_TEST(a_slow_disk_that_asked_for_it_holds_the_session_and_gets_every_byte)
{
	begin();
	disk_open(true, false);
	output(blob, LOG_BYTES);
	fake_pass(&fake, 3600 * USEC_PER_SEC); /* no time-out */
	ck_assert_uint_eq(session_room(s), 0);
	ck_assert_int_eq(session_output(s, blob, 1, LOG_STDOUT), LOG_E_FULL);
	disk_take();
	fake_turn(&fake);
	ck_assert_uint_eq(session_room(s), PIECE);
	ck_assert_int_eq(session_output(s, blob, PIECE, LOG_STDOUT), 0);
	disk_done(0);
	disk_drain();
	ck_assert_uint_eq(disk.written, LOG_BYTES + PIECE);
	ck_assert_uint_eq(disk.missing, 0);
	ck_assert_uint_eq(session_room(s), LOG_BYTES);
	disk_close();
}
END_TEST

START_TEST(fault_f20_a_full_disk_ends_the_recording_and_nothing_else)
{
	for (int hold = 0; hold < 2; hold++) {
		begin();
		peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
		disk_open(hold, true);
		output(blob, 30000);
		disk_take();
		disk_done(0);
		disk_take();
		disk_done(-ENOSPC);
		ck_assert_int_eq(disk.rec->state, RECORDER_FAILED);
		ck_assert_int_eq(disk.rec->error, -ENOSPC);
		ck_assert_uint_eq(disk.rec->written, PIECE); /* what is surely on the disk */
		disk.woken = false;
		fake_turn(&fake);
		for (size_t i = 0; i < 8; i++)
			output(blob, LOG_BYTES);
		ck_assert_uint_eq(session_room(s), LOG_BYTES);
		ck_assert(!disk.woken); /* said once */
		recorder_take(disk.rec, disk.data, PIECE, &disk.piece);
		ck_assert_uint_eq(disk.piece.n, 0);
		recorder_wrote(disk.rec, 0);
		ck_assert_int_eq(disk.rec->state, RECORDER_FAILED);
		ck_assert_uint_eq(fake.core->n_attachments, 1);
		disk_close();
	}
}
END_TEST

START_TEST(the_end_comes_after_the_last_byte)
{
	begin();
	disk_open(false, true);
	output(blob, 20000);
	session_end(s, &(struct session_end){ .has_exit_code = true });
	fake_turn(&fake);
	ck_assert_uint_eq(disk.n_woken, 1); /* once for all of it */
	disk_take();
	ck_assert(!disk.ended);
	disk_done(0);
	disk_take();
	ck_assert(!disk.ended);
	disk_done(0);
	ck_assert_uint_eq(disk.written, 20000);
	disk_take();
	ck_assert(disk.ended);
	ck_assert_int_eq(disk.rec->state, RECORDER_ENDED);
	disk_close();
}
END_TEST

START_TEST(a_session_that_goes_ends_its_recording_and_what_was_not_taken_is_missing)
{
	begin();
	disk_open(false, true);
	output(blob, 40000);
	disk_take(); /* a piece is with the sink */
	session_drop(s);
	fake_turn(&fake);
	disk_done(0);
	disk_take();
	ck_assert(disk.ended);
	ck_assert_uint_eq(disk.missing, 40000 - PIECE);
	disk_close();
}
END_TEST

START_TEST(a_piece_says_when_its_bytes_came)
{
	uint64_t came;

	begin();
	disk_open(false, true);
	came = fake.clock.now_usec;
	output(blob, 100);
	fake_pass(&fake, 5 * USEC_PER_SEC);
	disk_take();
	ck_assert_uint_eq(disk.piece.at_usec, came);
	disk_close();
}
END_TEST

/* What a disk missed is one gap and not many: what comes next finds room. */
START_TEST(what_a_slow_disk_missed_is_one_piece)
{
	begin();
	disk_open(false, true);
	output(blob, LOG_BYTES);
	output(blob, LOG_BYTES / 8);
	ck_assert_uint_gt(disk.rec->missing_ever, LOG_BYTES / 8);
	disk.missing = disk.rec->missing_ever;
	for (size_t i = 0; i < 3; i++)
		output(blob, LOG_BYTES / 8);
	ck_assert_uint_eq(disk.rec->missing_ever, disk.missing);
	disk_close();
}
END_TEST

TEST_MAIN("recorder", a_disk_that_keeps_up_gets_every_byte_in_order,
	a_slow_disk_never_holds_the_session_and_what_is_missing_is_counted,
	what_a_slow_disk_missed_is_one_piece,
	a_slow_disk_that_asked_for_it_holds_the_session_and_gets_every_byte,
	fault_f20_a_full_disk_ends_the_recording_and_nothing_else,
	the_end_comes_after_the_last_byte,
	a_session_that_goes_ends_its_recording_and_what_was_not_taken_is_missing,
	a_piece_says_when_its_bytes_came)

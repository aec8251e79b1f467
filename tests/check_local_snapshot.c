#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "local/page.h"
#include "local/snapshot.h"

#define S(name) COREWEAVE__SANDBOX__V1__SNAPSHOT_STATE__SNAPSHOT_STATE_##name
#define MANUAL COREWEAVE__SANDBOX__V1__SNAPSHOT_TRIGGER__SNAPSHOT_TRIGGER_MANUAL
#define ON_DELETE COREWEAVE__SANDBOX__V1__SNAPSHOT_TRIGGER__SNAPSHOT_TRIGGER_ON_DELETE

static struct snapshots set;

static struct snapshot_new make(const char *id, const char *request_id)
{
	return (struct snapshot_new){ .id = id,
		.sandbox_id = "box",
		.volume = "data",
		.request_id = request_id,
		.trigger = MANUAL };
}

static struct snapshot *add(const char *id, uint64_t wall_usec)
{
	struct snapshot_new what = make(id, "");
	struct snapshot *sn;

	ck_assert_int_eq(snapshot_add(&set, &what, wall_usec, &sn), 0);
	return sn;
}

START_TEST(a_snapshot_is_made_then_ready_then_forgotten_and_the_bytes_are_counted)
{
	struct snapshot *sn;

	snapshots_init(&set);
	sn = add("a", 5);
	ck_assert_int_eq(sn->m->state, S(CREATING));
	ck_assert_uint_eq(set.n_unfinished, 1);
	ck_assert_ptr_eq(snapshot_unfinished(&set, "box"), sn);
	snapshot_ready(&set, sn, 1000, 7000000);
	ck_assert_uint_eq(set.bytes, 1000);
	ck_assert_int_eq(sn->m->complete_time->seconds, 7);
	ck_assert_uint_eq(set.n_unfinished, 0);
	ck_assert_ptr_null(snapshot_unfinished(&set, "box"));
	snapshot_deleting(&set, sn, 8);
	snapshot_forget(&set, sn);
	ck_assert_uint_eq(set.bytes, 0);
	ck_assert_uint_eq(set.n, 0);
	ck_assert_ptr_null(snapshot_find(&set, "a"));
	snapshots_done(&set);
}
END_TEST

START_TEST(there_is_room_for_so_many_and_failed_ones_may_go)
{
	struct snapshot *sn = NULL;
	char id[16];

	snapshots_init(&set);
	for (int i = 0; i < SNAPSHOTS_UNFINISHED_MAX; i++) {
		ck_assert_int_eq(snapshots_room(&set, 1), 0);
		snprintf(id, sizeof(id), "u%d", i);
		sn = add(id, 1);
	}
	ck_assert_int_eq(snapshots_room(&set, 1), SNAPSHOT_E_BUSY);
	while ((sn = snapshot_unfinished(&set, "box")) != NULL)
		snapshot_ready(&set, sn, 1, 1);
	for (int i = SNAPSHOTS_UNFINISHED_MAX; i < SNAPSHOTS_MAX; i++) {
		ck_assert_int_eq(snapshots_room(&set, 1), 0);
		snprintf(id, sizeof(id), "r%d", i);
		snapshot_ready(&set, add(id, 1), 1, 1);
	}
	ck_assert_int_eq(snapshots_room(&set, 1), SNAPSHOT_E_FULL);
	ck_assert_ptr_null(snapshot_oldest_failed(&set));
	sn = snapshot_find(&set, "r500");
	snapshot_failed(&set, sn, "no", 1);
	ck_assert_ptr_eq(snapshot_oldest_failed(&set), sn);
	ck_assert_uint_eq(set.bytes, SNAPSHOTS_MAX - 1);
	snapshot_forget(&set, sn);
	ck_assert_int_eq(snapshots_room(&set, 1), 0);
	snapshot_ready(&set, snapshot_find(&set, "r501"), SNAPSHOTS_BYTES_MAX, 1);
	ck_assert_int_eq(snapshots_room(&set, 1), SNAPSHOT_E_BYTES);
	snapshots_done(&set);
}
END_TEST

START_TEST(a_request_does_not_find_what_is_being_deleted)
{
	struct snapshot_new what = make("a", "key");
	struct snapshot *sn, *found;

	snapshots_init(&set);
	ck_assert_int_eq(snapshot_add(&set, &what, 1, &sn), 0);
	snapshot_deleting(&set, sn, 2);
	ck_assert_int_eq(snapshot_find_request(&set, &what, &found), 0);
	ck_assert_ptr_null(found);
	what.sandbox_id = "another";
	ck_assert_int_eq(snapshot_find_request(&set, &what, &found), 0);
	snapshots_done(&set);
}
END_TEST

START_TEST(a_request_finds_what_it_made_and_nothing_of_another)
{
	struct snapshot_new what = make("a", "key"), end = make("b", "end");
	struct snapshot *sn, *found;

	snapshots_init(&set);
	ck_assert_int_eq(snapshot_add(&set, &what, 1, &sn), 0);
	ck_assert_int_eq(snapshot_find_request(&set, &what, &found), 0);
	ck_assert_ptr_eq(found, sn);
	what.volume = "other";
	ck_assert_int_eq(snapshot_find_request(&set, &what, &found), SNAPSHOT_E_CONFLICT);
	what.volume = "data";
	what.trigger = ON_DELETE;
	ck_assert_int_eq(snapshot_find_request(&set, &what, &found), SNAPSHOT_E_CONFLICT);
	what.request_id = "";
	ck_assert_int_eq(snapshot_find_request(&set, &what, &found), 0);
	ck_assert_ptr_null(found);
	/* the volumes of one end share a request */
	end.trigger = ON_DELETE;
	ck_assert_int_eq(snapshot_add(&set, &end, 1, &sn), 0);
	end.volume = "other";
	ck_assert_int_eq(snapshot_find_request(&set, &end, &found), 0);
	ck_assert_ptr_null(found);
	end.sandbox_id = "another";
	ck_assert_int_eq(snapshot_find_request(&set, &end, &found), SNAPSHOT_E_CONFLICT);
	snapshots_done(&set);
}
END_TEST

/* As it comes back from a file. */
static SnapshotRecord *packed_and_back(const SnapshotRecord *m)
{
	uint8_t data[SNAPSHOT_RECORD_MAX];
	size_t n = coreweave__sandbox__v1__file_system_snapshot__pack(m, data);

	return coreweave__sandbox__v1__file_system_snapshot__unpack(NULL, n, data);
}

START_TEST(records_are_taken_over_in_the_order_of_their_making_and_nonsense_is_not)
{
	SnapshotRecord *late, *early, *bad;
	struct snapshot *sn, *list[4];
	bool more;

	snapshots_init(&set);
	late = packed_and_back(add("late", 9 * USEC_PER_SEC)->m);
	early = packed_and_back(add("early", 2 * USEC_PER_SEC)->m);
	bad = packed_and_back(early);
	snapshots_done(&set);
	ck_assert_int_eq(snapshot_adopt(&set, late, "late", &sn), 0);
	ck_assert_int_eq(snapshot_adopt(&set, early, "early", &sn), 0);
	ck_assert_int_eq(snapshot_adopt(&set, bad, "another", &sn), -EBADMSG);
	bad->size_bytes = -1;
	ck_assert_int_eq(snapshot_adopt(&set, bad, "early", &sn), -EBADMSG);
	coreweave__sandbox__v1__file_system_snapshot__free_unpacked(bad, NULL);
	snapshots_sort(&set);
	ck_assert_uint_eq(snapshots_list(&set, "", 0, list, 4, &more), 2);
	ck_assert_str_eq(list[0]->m->file_system_snapshot_id, "late");
	ck_assert_str_eq(list[1]->m->file_system_snapshot_id, "early");
	snapshots_done(&set);
}
END_TEST

START_TEST(pages_of_snapshots_follow_each_other_and_a_token_is_one_of_ours)
{
	char token[PAGE_TOKEN_BYTES], id[16];
	uint64_t after = 0;
	struct snapshot *list[2];
	size_t n, seen = 0;
	bool more = true;

	snapshots_init(&set);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "%d", i);
		add(id, (uint64_t)i);
	}
	while (more) {
		n = snapshots_list(&set, "box", after, list, 2, &more);
		seen += n;
		page_token(token, list[n - 1]->seq);
		ck_assert_int_eq(page_parse(token, &after), 0);
	}
	ck_assert_uint_eq(seen, 5);
	ck_assert_uint_eq(snapshots_list(&set, "none", 0, list, 2, &more), 0);
	snapshots_done(&set);
	ck_assert_int_eq(page_parse("", &after), 0);
	ck_assert_int_eq(page_parse("0000000000000000", &after), -EINVAL);
	ck_assert_int_eq(page_parse("00000000000000g1", &after), -EINVAL);
	ck_assert_int_eq(page_parse("1", &after), -EINVAL);
	ck_assert_uint_eq(page_size(0), PAGE_DEFAULT);
	ck_assert_uint_eq(page_size(PAGE_MAX + 1), PAGE_MAX);
}
END_TEST

TEST_MAIN("local snapshot", a_snapshot_is_made_then_ready_then_forgotten_and_the_bytes_are_counted,
	there_is_room_for_so_many_and_failed_ones_may_go,
	a_request_finds_what_it_made_and_nothing_of_another,
	a_request_does_not_find_what_is_being_deleted,
	records_are_taken_over_in_the_order_of_their_making_and_nonsense_is_not,
	pages_of_snapshots_follow_each_other_and_a_token_is_one_of_ours)

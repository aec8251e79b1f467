#include "tests/sim_disk.h"

#include <string.h>

#include "daemon/core/recorder.h"
#include "tests/sim_world.h"

static struct {
	struct recorder *rec;
	struct recorder_piece piece;
	uint8_t data[8192];
	uint64_t begin, next, missing, written;
	bool woken, failed, ended;
} disk;

static void on_wake(void *sink)
{
	(void)sink;
	disk.woken = true;
}

void disk_open(void)
{
	static const struct recorder_ops ops = { .wake = on_wake };

	memset(&disk, 0, sizeof(disk));
	ck_assert_int_eq(recorder_new(&disk.rec,
				 &(struct recorder_config){
					 .session = fars[0].session, .ops = &ops, .hold = rnd(2) }),
		0);
	disk.begin = disk.next = disk.rec->reader.pos;
}

static void disk_take(void)
{
	struct recorder_piece *p = &disk.piece;

	recorder_take(disk.rec, disk.data, 1 + rnd(sizeof(disk.data)), p);
	disk.missing += p->missing;
	disk.woken = p->n;
	disk.ended |= p->end;
	if (!p->n)
		return;
	ck_assert_uint_eq(p->offset, disk.next + p->missing);
	for (size_t i = 0; i < p->n; i++)
		MUST(disk.data[i] == byte_at(p->offset + i));
	disk.next = p->offset + p->n;
}

bool disk_has_work(void)
{
	return disk.rec && disk.woken && !disk.failed;
}

void do_disk(bool may_fail)
{
	if (!disk_has_work())
		return;
	if (disk.rec->state == RECORDER_BUSY) {
		disk.failed = may_fail && rnd(40) == 0;
		disk.written += disk.failed ? 0 : disk.piece.n;
		recorder_wrote(disk.rec, disk.failed ? -ENOSPC : 0);
	} else {
		disk_take();
	}
}

void check_disk(void)
{
	const struct recorder *rec = disk.rec;

	ck_assert_uint_eq(disk.missing + rec->missing, rec->missing_ever);
	if (!disk.failed)
		ck_assert_uint_eq(disk.written + rec->missing_ever, fars[0].sent - disk.begin);
}

void disk_close(void)
{
	ck_assert(disk.failed || disk.ended);
	recorder_free(disk.rec);
}

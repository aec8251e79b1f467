#include "daemon/core/recorder.h"

#include <string.h>

#define IOV_MAX_PIECE 8

/* Half of what the log keeps: so that the next bytes do not push it away again. */
static void on_lost(struct reader *r, uint64_t tail)
{
	struct recorder *rec = container_of(r, struct recorder, reader);
	uint64_t to = tail + (r->log->head - tail) / 2;

	rec->missing += to - r->pos;
	rec->missing_ever += to - r->pos;
	reader_seek(r, to);
}

int recorder_new(struct recorder **ret, const struct recorder_config *config)
{
	struct session *s = config->session;
	struct recorder *rec = malloc(sizeof(*rec));

	if (!rec)
		return -ENOMEM;
	*rec = (struct recorder){ .core = s->core,
		.session = s,
		.ops = config->ops,
		.sink = config->sink,
		.reader.on_lost = on_lost };
	ledger_add(&s->core->memory, sizeof(*rec));
	reader_init(&rec->reader, &s->log, config->whole ? s->log.tail : s->log.head, config->hold);
	list_append(&s->recorders, &rec->link);
	session_mark(s);
	*ret = rec;
	return 0;
}

/* It takes no more from the log. */
static void recorder_leave(struct recorder *rec)
{
	if (!rec->session)
		return;
	list_unlink(&rec->link);
	reader_done(&rec->reader);
	session_mark(rec->session); /* window back */
	rec->session = NULL;
}

struct recorder *recorder_free(struct recorder *rec)
{
	if (!rec)
		return NULL;
	recorder_leave(rec);
	ledger_sub(&rec->core->memory, sizeof(*rec));
	free(rec);
	return NULL;
}

static void recorder_wake(struct recorder *rec)
{
	if (rec->state != RECORDER_IDLE)
		return;
	rec->state = RECORDER_WOKEN;
	rec->ops->wake(rec->sink);
}

void recorder_turn(struct recorder *rec)
{
	if (reader_lag(&rec->reader) || session_ended(rec->session))
		recorder_wake(rec);
}

void recorder_orphan(struct recorder *rec)
{
	uint64_t lag = reader_lag(&rec->reader);

	rec->missing += lag;
	rec->missing_ever += lag;
	list_unlink(&rec->link);
	reader_done(&rec->reader);
	rec->session = NULL;
	recorder_wake(rec);
}

static bool recorder_at_end(const struct recorder *rec)
{
	return !rec->session || (session_ended(rec->session) && reader_lag(&rec->reader) == 0);
}

static void recorder_copy(
	struct recorder *rec, uint8_t *data, size_t max, struct recorder_piece *piece)
{
	struct iovec iov[IOV_MAX_PIECE];
	size_t n_iov, at = 0;

	piece->at_usec = rec->core->clock->now_usec - reader_age_usec(&rec->reader);
	piece->n = reader_peek(&rec->reader, max, iov, ARRAY_SIZE(iov), &n_iov, &piece->stream);
	for (size_t i = 0; i < n_iov; i++) {
		memcpy(data + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	reader_advance(&rec->reader, piece->n);
	if (rec->reader.holds)
		session_mark(rec->session); /* window back */
}

static uint64_t take_missing(struct recorder *rec)
{
	uint64_t missing = rec->missing;

	rec->missing = 0;
	return missing;
}

void recorder_take(
	struct recorder *rec, uint8_t *data, size_t max, struct recorder_piece *ret_piece)
{
	struct recorder_piece piece = { .n = 0 };

	*ret_piece = piece;
	if (rec->state > RECORDER_WOKEN)
		return;
	piece.end = recorder_at_end(rec);
	if (rec->session) {
		piece.offset = rec->reader.pos;
		recorder_copy(rec, data, max, &piece);
	}
	if (piece.n || piece.end)
		piece.missing = take_missing(rec);
	rec->taken += piece.n;
	rec->state = piece.end ? RECORDER_ENDED : piece.n ? RECORDER_BUSY : RECORDER_IDLE;
	if (piece.end)
		recorder_leave(rec);
	*ret_piece = piece;
}

void recorder_wrote(struct recorder *rec, int r)
{
	if (rec->state != RECORDER_BUSY)
		return;
	if (r < 0) {
		rec->state = RECORDER_FAILED;
		rec->error = r;
		recorder_leave(rec);
		return;
	}
	rec->written = rec->taken;
	rec->state = RECORDER_WOKEN;
}

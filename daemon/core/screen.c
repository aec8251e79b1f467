#include "daemon/core/screen.h"

static void screen_charge(struct screen *sc)
{
	size_t now = term_memory(sc->term);

	ledger_sub(sc->ledger, sc->charged);
	ledger_add(sc->ledger, now);
	sc->charged = now;
}

int screen_init(struct screen *sc, struct log *log, const struct term_config *config)
{
	int r;

	*sc = (struct screen){ .ledger = log->ledger };
	r = term_new(&sc->term, config);
	if (r)
		return err_fold(r);
	reader_init(&sc->reader, log, log->head, true);
	screen_charge(sc);
	return 0;
}

void screen_done(struct screen *sc)
{
	if (!sc->term)
		return;
	reader_done(&sc->reader);
	ledger_sub(sc->ledger, sc->charged);
	sc->term = term_free(sc->term);
}

static void screen_put_mark(struct screen *sc)
{
	uint64_t step = sc->reader.log->max / (SCREEN_N_MARKS - 1), pos = sc->reader.pos;
	struct screen_mark *m = &sc->marks[sc->n_marks % SCREEN_N_MARKS];

	if (sc->n_marks && pos - sc->marks[(sc->n_marks - 1) % SCREEN_N_MARKS].offset < step)
		return;
	*m = (struct screen_mark){ sc->reader.pos, term_history_total(sc->term) };
	sc->n_marks++;
}

static size_t screen_feed(struct screen *sc, const struct iovec *iov, size_t n_iov, uint64_t *work)
{
	size_t taken = 0;

	for (size_t i = 0; i < n_iov && *work; i++)
		taken += term_feed_some(sc->term, iov[i].iov_base, iov[i].iov_len, work);
	return taken;
}

bool screen_pump(struct screen *sc, uint64_t *left)
{
	const uint64_t slice = min_u64(*left, SCREEN_SLICE_WORK);
	struct iovec iov[4];
	uint64_t work = slice;
	size_t n_iov;
	unsigned stream;

	if (!sc->term || sc->resizing || reader_lag(&sc->reader) == 0)
		return false;
	if (!work)
		return true;
	screen_put_mark(sc);
	while (work && reader_lag(&sc->reader)) {
		reader_peek(&sc->reader, SIZE_MAX, iov, ARRAY_SIZE(iov), &n_iov, &stream);
		reader_advance(&sc->reader, screen_feed(sc, iov, n_iov, &work));
	}
	*left -= slice - work;
	screen_charge(sc);
	return reader_lag(&sc->reader) > 0;
}

bool screen_rest(struct screen *sc)
{
	bool more = sc->term && term_rest(sc->term);

	if (more)
		screen_charge(sc);
	return more;
}

int screen_resize(struct screen *sc, unsigned cols, unsigned rows)
{
	uint64_t left = SCREEN_SLICE_WORK;
	int r = term_resize_begin(sc->term, cols, rows);

	if (r)
		return err_fold(r);
	return screen_resize_some(sc, &left) ? SCREEN_RESIZING : 0;
}

bool screen_resize_some(struct screen *sc, uint64_t *left)
{
	const uint64_t slice = min_u64(*left, SCREEN_SLICE_WORK);
	uint64_t work = slice;

	if (!work)
		return true;
	sc->resizing = term_resize_some(sc->term, &work);
	*left -= slice - work;
	screen_charge(sc);
	return sc->resizing;
}

uint64_t screen_offset(const struct screen *sc)
{
	return sc->reader.pos;
}

bool screen_ground(const struct screen *sc, uint64_t *ret_offset)
{
	uint64_t pending = term_pending(sc->term);

	if (pending > sc->reader.pos - sc->reader.log->tail)
		return false;
	*ret_offset = sc->reader.pos - pending;
	return true;
}

uint64_t screen_history_before(const struct screen *sc, uint64_t offset)
{
	size_t n = min_size(sc->n_marks, SCREEN_N_MARKS);

	for (size_t i = 0; i < n; i++) {
		const struct screen_mark *m = &sc->marks[(sc->n_marks - 1 - i) % SCREEN_N_MARKS];

		if (m->offset <= offset)
			return m->lines;
	}
	return 0;
}

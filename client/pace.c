#include "client/pace.h"

static uint64_t piece(const struct pace *p)
{
	uint64_t ahead = p->rate * PACE_AHEAD_USEC / USEC_PER_SEC;

	return ahead > PACE_PIECE ? ahead : PACE_PIECE;
}

static uint64_t tokens(const struct pace *p, uint64_t now_usec)
{
	uint64_t since = now_usec > p->from_usec ? now_usec - p->from_usec : 0;

	since = min_u64(since, USEC_PER_SEC);
	return min_u64(p->tokens + p->rate * since / 100 * PACE_PERCENT / USEC_PER_SEC, piece(p));
}

size_t pace_room(struct pace *p, uint64_t now_usec)
{
	uint64_t n;

	if (p->rate && now_usec >= p->until_usec)
		*p = (struct pace){ .rate = 0 };
	if (!p->rate)
		return SIZE_MAX;
	n = tokens(p, now_usec);
	return n < PACE_PIECE ? 0 : (size_t)n;
}

int pace_wait_ms(struct pace *p, uint64_t now_usec)
{
	uint64_t usec, start;

	if (pace_room(p, now_usec))
		return 0;
	start = p->from_usec > now_usec ? p->from_usec : now_usec;
	usec = (PACE_PIECE - tokens(p, now_usec)) * 100 * USEC_PER_SEC / PACE_PERCENT / p->rate;
	return (int)((start - now_usec + usec) / USEC_PER_MSEC) + 1;
}

int pace_look_ms(const struct pace *p)
{
	unsigned doublings = p->n_still < PACE_LOOKS ? 0 : p->n_still - PACE_LOOKS;
	int ms = doublings < 8 ? PACE_LOOK_MS << doublings : PACE_LOOK_MAX_MS;

	return ms < PACE_LOOK_MAX_MS ? ms : PACE_LOOK_MAX_MS;
}

bool pace_looks(struct pace *p, size_t n)
{
	p->unseen += n;
	if (p->unseen < PACE_UNSEEN)
		return false;
	p->unseen = 0;
	return true;
}

void pace_wrote(struct pace *p, size_t n, uint64_t now_usec)
{
	p->bytes += n;
	p->n_still = 0;
	if (!p->rate || n == 0)
		return;
	p->tokens = tokens(p, now_usec);
	p->tokens -= min_u64(p->tokens, n);
	if (now_usec > p->from_usec)
		p->from_usec = now_usec;
}

static void measure(struct pace *p, uint64_t now_usec)
{
	*p = (struct pace){ .full_usec = now_usec, .last_usec = now_usec };
	p->bytes_then = p->bytes;
}

/* The kernel is full now, and was at the begin: what went in between was taken. */
static void conclude(struct pace *p, uint64_t now_usec)
{
	uint64_t rate = p->bytes * USEC_PER_SEC / (now_usec - p->full_usec), empty_usec;

	if (rate == 0 || rate >= PACE_FAST) {
		measure(p, now_usec);
		return;
	}
	empty_usec = PACE_KERNEL_BYTES * USEC_PER_SEC / rate;
	*p = (struct pace){ .rate = rate,
		.from_usec = now_usec + empty_usec,
		.until_usec = now_usec + (PACE_TIMES + 1) * empty_usec };
}

/* It took something, and had something to take all the time. */
static bool was_busy(const struct pace *p, uint64_t now_usec)
{
	return !(p->dry && p->bytes - p->bytes_then >= PACE_KERNEL_LEAST) &&
	       now_usec - p->last_usec <= PACE_STILL_USEC;
}

void pace_full(struct pace *p, uint64_t now_usec)
{
	uint64_t took;

	if (p->rate || !p->full_usec) {
		measure(p, now_usec);
		return;
	}
	if (p->bytes == p->bytes_then) {
		p->n_still++;
		return;
	}
	if (p->n_fulls == 0 || !was_busy(p, now_usec)) {
		measure(p, now_usec); /* begins where it was full after it took something */
		p->n_fulls = 1;
		return;
	}
	if (now_usec - p->last_usec > p->gap_usec)
		p->gap_usec = now_usec - p->last_usec;
	p->last_usec = now_usec;
	p->bytes_then = p->bytes;
	p->dry = false;
	p->n_fulls++;
	took = now_usec - p->full_usec;
	if (took >= PACE_MEASURE_USEC && p->n_fulls > PACE_MEASURE_FULLS && p->gap_usec <= took / 2)
		conclude(p, now_usec);
}

void pace_dry(struct pace *p)
{
	p->dry = true;
}

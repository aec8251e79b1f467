#include "local/drain.h"

#include <string.h>

#include "common/text.h"

int drain_parse(const char *s, struct drain_limit *ret)
{
	size_t n = strlen(s);
	bool time = n && strchr("smhd", s[n - 1]);
	struct drain_limit limit = { 0 };
	int r = time ? text_parse_duration(s, &limit.usec) : text_parse_size(s, &limit.bytes);

	if (r)
		return r;
	if ((!limit.bytes && !limit.usec) || limit.bytes > DRAIN_BYTES_MAX ||
		limit.usec > DRAIN_USEC_MAX)
		return -ERANGE;
	*ret = limit;
	return 0;
}

enum drain_verdict drain_judge(
	struct drain *d, const struct drain_limit *limit, const struct drain_look *look)
{
	if (!look->waiting || look->sent != d->sent) {
		d->sent = look->sent;
		d->since_usec = 0;
		return DRAIN_FINE;
	}
	if (!d->since_usec) {
		d->since_usec = look->now_usec;
		return DRAIN_FINE;
	}
	if (limit->usec)
		return look->now_usec - d->since_usec >= limit->usec ? DRAIN_OVER : DRAIN_FINE;
	return look->held > limit->bytes ? DRAIN_OVER : DRAIN_TAKE;
}

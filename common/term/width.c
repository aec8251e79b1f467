#include "common/term/width.h"

struct range {
	uint32_t first, last;
};

#include "common/term/width_data.h"

static bool in_ranges(const struct range *ranges, size_t n, uint32_t code)
{
	size_t low = 0, high = n;

	if (code < ranges[0].first || code > ranges[n - 1].last)
		return false;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (code > ranges[mid].last)
			low = mid + 1;
		else if (code < ranges[mid].first)
			high = mid;
		else
			return true;
	}
	return false;
}

/* Most of the wide ones that are written: CJK, kana, Hangul. */
static bool is_common_wide(uint32_t code)
{
	return (code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3041 && code <= 0x3096) ||
	       (code >= 0x30a1 && code <= 0x30fa) || (code >= 0xac00 && code <= 0xd7a3);
}

unsigned width_of(uint32_t code)
{
	if (code < 0x300)
		return code >= 0x80 && code < 0xa0 ? WIDTH_CONTROL : 1;
	if (code < 0x370)
		return 0; /* combining marks */
	if (is_common_wide(code))
		return 2;
	if (code >= 0x2500 && code <= 0x25a0)
		return 1; /* box drawing and blocks */
	if (in_ranges(zero_width, ARRAY_SIZE(zero_width), code))
		return 0;
	return in_ranges(double_width, ARRAY_SIZE(double_width), code) ? 2 : 1;
}

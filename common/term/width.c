#include "common/term/width.h"

#include "common/term/width_data.h"

/* Beyond the table: CJK planes, then tags and variation selectors, of which terminals show nothing. */
static unsigned width_beyond(uint32_t code)
{
	if (code < 0x40000)
		return (code & 0xffff) <= 0xfffd ? 2 : 1;
	if (code == 0xe0001 || (code >= 0xe0020 && code <= 0xe007f) ||
		(code >= 0xe0100 && code <= 0xe01ef))
		return 0;
	return 1;
}

unsigned width_of(uint32_t code)
{
	if (code >= WIDTH_TABLE_END)
		return width_beyond(code);
	return width_bits[width_block[code >> 8]][code >> 2 & 63] >> (code & 3) * 2 & 3;
}

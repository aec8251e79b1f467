#include "common/uuid.h"

#include <stdio.h>
#include <sys/random.h>

int uuid_make(char out[UUID_BYTES])
{
	uint8_t b[16];
	size_t at = 0;

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return -EIO;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4: random */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;

		at += (size_t)snprintf(out + at, UUID_BYTES - at, dash ? "-%02x" : "%02x", b[i]);
	}
	return 0;
}

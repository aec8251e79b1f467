/*
 * buf - writes into a struct term_buf; the first failure sticks and is asked for once, at the end
 */
#ifndef COMMON_TERM_BUF_H
#define COMMON_TERM_BUF_H

#include "common/term/term.h"

struct out {
	struct term_buf *buf;
	int r; /* 0 or -ENOMEM: nothing was added since */
};

/* Room for n more bytes; the caller adds to buf->n what it wrote. NULL without memory. */
uint8_t *out_room(struct out *o, size_t n);
void out_bytes(struct out *o, const void *data, size_t n);
void out_text(struct out *o, const char *text);
void out_byte(struct out *o, uint8_t b);
void out_code(struct out *o, uint32_t code);
_printf_(2, 3) void out_format(struct out *o, const char *format, ...); /* short: up to 127 bytes */

#endif

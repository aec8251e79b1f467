#include "common/term/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/term/parse.h"

#define BUF_FIRST ((size_t)256)
#define FORMAT_MAX 128

void term_buf_done(struct term_buf *b)
{
	free(b->data);
	*b = (struct term_buf){ 0 };
}

uint8_t *out_room(struct out *o, size_t n)
{
	struct term_buf *b = o->buf;
	size_t need, cap = max_size(b->cap, BUF_FIRST);
	uint8_t *data;

	if (o->r)
		return NULL;
	if (n <= b->cap - b->n)
		return b->data + b->n;
	o->r = -ENOMEM;
	if (!size_add(b->n, n, &need))
		return NULL;
	while (cap < need)
		if (!size_mul(cap, 2, &cap))
			return NULL;
	data = realloc(b->data, cap);
	if (!data)
		return NULL;
	b->data = data;
	b->cap = cap;
	o->r = 0;
	return b->data + b->n;
}

void out_bytes(struct out *o, const void *data, size_t n)
{
	uint8_t *at = n ? out_room(o, n) : NULL;

	if (!at)
		return;
	memcpy(at, data, n);
	o->buf->n += n;
}

void out_text(struct out *o, const char *text)
{
	out_bytes(o, text, strlen(text));
}

void out_byte(struct out *o, uint8_t b)
{
	out_bytes(o, &b, 1);
}

void out_code(struct out *o, uint32_t code)
{
	uint8_t utf8[4];

	out_bytes(o, utf8, utf8_put(utf8, code));
}

void out_format(struct out *o, const char *format, ...)
{
	char text[FORMAT_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n > 0)
		out_bytes(o, text, min_size((size_t)n, sizeof(text) - 1));
}

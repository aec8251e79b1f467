#include "local/exec_output.h"

#include <string.h>

#define TAG_OUTPUT 0x12 /* ExecStreamResponse.output */
#define TAG_STREAM 0x08 /* ExecStreamOutput.stream */
#define TAG_DATA 0x12   /* ExecStreamOutput.data */

static size_t varint_size(size_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

static uint8_t *put_varint(uint8_t *p, size_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* Bytes of ExecStreamOutput around n_data bytes. */
static size_t inner_size(size_t n_data)
{
	return 2 + 1 + varint_size(n_data) + n_data;
}

static size_t head_size(size_t n_data)
{
	return GRPC_PREFIX_BYTES + 1 + varint_size(inner_size(n_data)) + inner_size(n_data) -
	       n_data;
}

size_t exec_output_head_max(size_t n)
{
	return head_size(n);
}

size_t exec_output_frame(uint8_t *buf, size_t at, size_t n_data,
	Coreweave__Sandbox__V1__ExecStreamOutput__Stream stream)
{
	size_t head = head_size(n_data);
	uint8_t *p = buf + GRPC_PREFIX_BYTES;

	if (head != at)
		memmove(buf + head, buf + at, n_data);
	grpc_prefix(buf, head - GRPC_PREFIX_BYTES + n_data);
	*p++ = TAG_OUTPUT;
	p = put_varint(p, inner_size(n_data));
	*p++ = TAG_STREAM;
	*p++ = (uint8_t)stream;
	*p++ = TAG_DATA;
	put_varint(p, n_data);
	return head + n_data;
}

/* A frame that the scan calls whole is decoded whole; each prefix of it is pending; readers stay inside. */
#include <assert.h>

#include "common/frame.h"

static void read_params(const struct frame *f)
{
	const msgpack_object *o;
	struct frame_span s;
	uint64_t u;
	int64_t i;
	bool b;

	(void)frame_get_u64(f->params, "a", 1, 9, &u);
	(void)frame_get_i64(f->params, "a", -1, 9, &i);
	(void)frame_get_bool(f->params, "a", &b);
	(void)frame_get_array(f->params, "a", &o);
	(void)frame_get_map(f->params, "a", &o);
	if (frame_get_str(f->params, "a", &s) == 0 || frame_get_bytes(f->params, "a", &s) == 0)
		assert((const uint8_t *)s.data >= f->data &&
			(const uint8_t *)s.data + s.n <= f->data + f->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	msgpack_unpacked u;
	struct frame f;
	size_t used, less, off = 0;
	int r;

	r = frame_scan(data, n, &used);
	assert(r == 0 || r == FRAME_E_PENDING || r == -EBADMSG || r == -EMSGSIZE);
	if (r == FRAME_E_PENDING)
		assert(used > n && used <= FRAME_MAX);
	if (r)
		return 0;
	assert(used <= n && used <= FRAME_MAX);
	for (size_t i = 0; i < used; i += 1 + used / 64) {
		assert(frame_scan(data, i, &less) == FRAME_E_PENDING);
		assert(less > i && less <= used); /* it never asks for more than there is */
	}
	assert(frame_scan_max(data, n, used - 1, &less) == -EMSGSIZE);
	msgpack_unpacked_init(&u);
	assert(msgpack_unpack_next(&u, (const char *)data, used, &off) > 0 && off == used);
	msgpack_unpacked_destroy(&u);
	if (frame_open(&f, data, used) == 0) {
		read_params(&f);
		frame_close(&f);
	}
	return 0;
}

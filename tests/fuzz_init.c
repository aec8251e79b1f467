/*
 * What a hostile sandbox might make its init say, and any packet to an init: decoded or refused, every string ends
 * inside the packet, and what was decoded is written again as the same packet.
 */
#include <assert.h>
#include <string.h>

#include "local/init_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_inside(const char *s, const uint8_t *data, size_t n)
{
	const char *begin = (const char *)data, *end = begin + n;

	assert(s >= begin + sizeof(struct init_head) && s < end);
	assert(memchr(s, 0, (size_t)(end - s)));
}

static void check_again(const struct init_message *m, const uint8_t *data, size_t n)
{
	uint8_t *again;
	size_t n_again;

	if (init_encode(m, &again, &n_again))
		abort();
	assert(n_again == n && memcmp(again, data, n) == 0);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct init_message m;
	int r = init_decode(&m, data, n);

	assert(r == 0 || r == -EBADMSG);
	if (r)
		return 0;
	if (m.text)
		check_inside(m.text, data, n);
	if (m.head.type == INIT_EXEC) {
		for (size_t i = 0; i < m.head.n_argv; i++)
			check_inside(m.argv[i], data, n);
		for (size_t i = 0; i < m.head.n_env; i++)
			check_inside(m.env[i], data, n);
		assert(!m.argv[m.head.n_argv] && !m.env[m.head.n_env]);
		/* Each alone is bounded; together they may be too many to write. */
		if (m.head.n_argv + m.head.n_env <= INIT_STRINGS_MAX)
			check_again(&m, data, n);
	}
	init_message_done(&m);
	return 0;
}

#include "local/init_proto.h"

#include <string.h>

static size_t strings_bytes(const char *const *strings, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(strings[i]) + 1;
	return bytes;
}

static uint8_t *put_strings(uint8_t *p, const char *const *strings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t l = strlen(strings[i]) + 1;

		memcpy(p, strings[i], l);
		p += l;
	}
	return p;
}

int init_encode(const struct init_message *m, uint8_t **ret, size_t *ret_n)
{
	const struct init_head *h = &m->head;
	size_t n = sizeof(*h);
	uint8_t *data, *p;

	if (h->n_argv > INIT_STRINGS_MAX || h->n_env > INIT_STRINGS_MAX - h->n_argv)
		return -E2BIG;
	n += strings_bytes(m->argv, h->n_argv) + strings_bytes(m->env, h->n_env);
	n += m->text ? strlen(m->text) + 1 : 0;
	if (n > INIT_MESSAGE_MAX)
		return -E2BIG;
	data = malloc(n);
	if (!data)
		return -ENOMEM;
	memcpy(data, h, sizeof(*h));
	p = data + sizeof(*h);
	if (m->text)
		p = put_strings(p, &m->text, 1);
	p = put_strings(p, m->argv, h->n_argv);
	put_strings(p, m->env, h->n_env);
	*ret = data;
	*ret_n = n;
	return 0;
}

/* The string at *p, which moves past it; NULL when none ends before `end`. */
static const char *take_string(const uint8_t **p, const uint8_t *end)
{
	const uint8_t *start = *p;
	const uint8_t *nul = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;

	if (!nul)
		return NULL;
	*p = nul + 1;
	return (const char *)start;
}

static bool take_strings(const char **out, size_t n, const uint8_t **p, const uint8_t *end)
{
	for (size_t i = 0; i < n; i++) {
		out[i] = take_string(p, end);
		if (!out[i])
			return false;
	}
	out[n] = NULL;
	return true;
}

static int decode_exec(struct init_message *m, const uint8_t *p, const uint8_t *end)
{
	const struct init_head *h = &m->head;

	if (h->n_argv < 1 || h->n_argv > INIT_STRINGS_MAX || h->n_env > INIT_STRINGS_MAX)
		return -EBADMSG;
	m->strings = calloc((size_t)h->n_argv + h->n_env + 2, sizeof(*m->strings));
	if (!m->strings)
		return -ENOMEM;
	m->argv = m->strings;
	m->env = m->strings + h->n_argv + 1;
	m->text = take_string(&p, end);
	if (m->text && take_strings(m->strings, h->n_argv, &p, end) &&
		take_strings(m->strings + h->n_argv + 1, h->n_env, &p, end) && p == end)
		return 0;
	init_message_done(m);
	return -EBADMSG;
}

int init_decode(struct init_message *ret, const uint8_t *data, size_t n)
{
	const uint8_t *p = data + sizeof(ret->head);
	const uint8_t *end = data + n;

	memset(ret, 0, sizeof(*ret));
	if (n < sizeof(ret->head) || n > INIT_MESSAGE_MAX)
		return -EBADMSG;
	memcpy(&ret->head, data, sizeof(ret->head));
	switch ((enum init_type)ret->head.type) {
	case INIT_EXEC:
		return decode_exec(ret, p, end);
	case INIT_OPEN:
		ret->text = take_string(&p, end);
		return ret->text && p == end ? 0 : -EBADMSG;
	case INIT_SIGNAL:
	case INIT_HANGUP:
	case INIT_MEMORY:
	case INIT_FREEZE:
	case INIT_READY:
	case INIT_STARTED:
	case INIT_FAILED:
	case INIT_EXITED:
	case INIT_OPENED:
	case INIT_OVER:
		return p == end ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}

void init_message_done(struct init_message *m)
{
	free(m->strings);
	m->strings = NULL;
}

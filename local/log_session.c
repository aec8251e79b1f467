#include "local/log_session.h"

#include <string.h>

#include "common/uuid.h"

void log_sessions_init(struct log_sessions *set)
{
	list_init(&set->all);
	set->n_left = 0;
}

static void drop(struct log_sessions *set, struct log_session *s)
{
	set->n_left -= s->left_usec ? 1 : 0;
	list_unlink(&s->link);
	free(s);
}

void log_sessions_done(struct log_sessions *set)
{
	struct log_session *s;

	while ((s = list_first(&set->all, struct log_session, link)) != NULL)
		drop(set, s);
}

int log_session_begin(struct log_sessions *set, const struct log_reader *at, void *stream,
	struct log_session **ret)
{
	struct log_session *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (uuid_make(s->id)) {
		free(s);
		return -EIO;
	}
	s->older.reader = s->newer.reader = *at;
	memcpy(s->log_name, at->log->name, sizeof(s->log_name));
	s->stream = stream;
	list_append(&set->all, &s->link);
	*ret = s;
	return 0;
}

static struct log_session *find(struct log_sessions *set, const char *id, const struct log *log)
{
	struct log_session *s;

	list_for_each(s, &set->all, link) {
		if (!strcmp(s->id, id) && s->older.reader.log == log &&
			!strcmp(s->log_name, log->name))
			return s;
	}
	return NULL;
}

int log_session_resume(struct log_sessions *set, const char *id, const struct log *log,
	uint64_t offset, void *stream, struct log_session **ret, struct log_place *ret_from,
	void **ret_before)
{
	struct log_session *s = find(set, id, log);

	if (!s)
		return LOG_SESSION_E_UNKNOWN;
	if (offset > s->sent)
		return LOG_SESSION_E_OFFSET;
	if (offset < s->older.sent)
		return LOG_SESSION_E_GAP;
	*ret_before = s->stream;
	*ret_from = offset < s->newer.sent ? s->older : s->newer;
	set->n_left -= s->left_usec ? 1 : 0;
	s->left_usec = 0;
	s->stream = stream;
	s->newer = *ret_from; /* what comes after it is made again */
	s->sent = ret_from->sent;
	*ret = s;
	return 0;
}

void log_session_sent(struct log_session *s, uint64_t n, const struct log_reader *reader)
{
	s->sent += n;
	if (s->sent - s->newer.sent < LOG_SESSION_REPLAY_BYTES)
		return;
	s->older = s->newer;
	s->newer = (struct log_place){ .sent = s->sent, .reader = *reader };
}

void log_session_leave(struct log_sessions *set, struct log_session *s, uint64_t now_usec)
{
	struct log_session *first;

	s->stream = NULL;
	s->left_usec = now_usec;
	set->n_left++;
	list_unlink(&s->link);
	list_append(&set->all, &s->link);
	/* Those without a stream are in the order in which they lost it. */
	for (struct list *at = set->all.next; at != &set->all;) {
		first = container_of(at, struct log_session, link);
		at = at->next;
		if (!first->left_usec)
			continue;
		if (set->n_left <= LOG_SESSIONS_MAX &&
			now_usec - first->left_usec < LOG_SESSION_KEEP_USEC)
			break;
		drop(set, first);
	}
}

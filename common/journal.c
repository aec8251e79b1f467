#include "common/journal.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/text.h"

static const char *const level_names[] = {
	[JOURNAL_ERROR] = "error: ",
	[JOURNAL_WARNING] = "warning: ",
	[JOURNAL_NOTICE] = "",
	[JOURNAL_INFO] = "",
	[JOURNAL_DEBUG] = "debug: ",
};

/* systemd names the stream it made for us: device and inode. */
static bool is_journal_stream(int fd)
{
	const char *named = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!named || fstat(fd, &st) < 0)
		return false;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(named, ours) == 0;
}

void journal_init(struct journal *j, const char *name, int fd, enum journal_level level)
{
	j->name = name;
	j->fd = fd;
	j->level = level;
	j->is_stream = is_journal_stream(fd);
	j->n_lost = 0;
}

/* Whether a line would be taken at once: a pipe that polls writable has room for PIPE_BUF bytes. */
static bool has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static bool write_line(struct journal *j, enum journal_level level, const char *text)
{
	char line[JOURNAL_LINE_MAX + 64];
	int n;

	if (!has_room(j->fd))
		return false;
	n = j->is_stream
		    ? snprintf(line, sizeof(line), "<%d>%s\n", (int)level, text)
		    : snprintf(line, sizeof(line), "%s: %s%s\n", j->name, level_names[level], text);
	return n > 0 && write(j->fd, line, (size_t)n) == n;
}

static void say_lost(struct journal *j)
{
	char text[64];

	if (!j->n_lost)
		return;
	snprintf(text, sizeof(text), "%ju records were lost here", (uintmax_t)j->n_lost);
	if (write_line(j, JOURNAL_WARNING, text))
		j->n_lost = 0;
}

void journal_say(struct journal *j, enum journal_level level, const char *fmt, ...)
{
	char raw[JOURNAL_LINE_MAX], text[JOURNAL_LINE_MAX];
	int saved = errno, n;
	va_list ap;

	if (level > j->level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	text_encode(text, sizeof(text), raw, n < 0 ? 0 : strnlen(raw, sizeof(raw)));
	say_lost(j);
	if (j->n_lost || !write_line(j, level, text))
		j->n_lost++;
	errno = saved;
}

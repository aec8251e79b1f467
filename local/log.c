#include "local/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>

#include "local/log_scan.h"

#define NOTE_BYTES 64

void log_init(struct log *log, int dir_fd, const char *name)
{
	memset(log, 0, sizeof(*log));
	log->dir_fd = dir_fd;
	log->fd = -1;
	log->keep_free = LOG_KEEP_FREE;
	snprintf(log->name, sizeof(log->name), "%s", name);
}

void log_rest(struct log *log)
{
	close_fd(&log->fd);
}

void log_done(struct log *log)
{
	close_fd(&log->fd);
}

static void remove_file(struct log *log, size_t i)
{
	char name[LOG_NAME_BYTES + 20];

	snprintf(name, sizeof(name), "%s.%016llx", log->name,
		(unsigned long long)log->files[i].start);
	unlinkat(log->dir_fd, name, 0);
}

/* The oldest n of them. */
static void forget_files(struct log *log, size_t n)
{
	for (size_t i = 0; i < n; i++)
		remove_file(log, i);
	log->n_files -= n;
	memmove(log->files, log->files + n, log->n_files * sizeof(log->files[0]));
	log->tail = log->n_files ? log->files[0].start : log->head;
}

void log_remove(struct log *log)
{
	log_rest(log);
	if (log->dir_fd >= 0)
		forget_files(log, log->n_files);
}

/* ---- writing ---- */

static struct log_file *newest(struct log *log)
{
	return log->n_files ? &log->files[log->n_files - 1] : NULL;
}

static uint64_t count_lines(const uint8_t *data, size_t n)
{
	const uint8_t *end = data + n, *p = data;
	uint64_t lines = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines++;
		p++;
	}
	return lines;
}

/* The host keeps some room, whatever is logged. */
static int check_disk(const struct log *log)
{
	struct statvfs v;

	if (fstatvfs(log->dir_fd, &v) < 0)
		return -errno;
	return (uint64_t)v.f_bavail * v.f_frsize < log->keep_free ? -ENOSPC : 0;
}

static int begin_file(struct log *log)
{
	int r = check_disk(log);
	int fd = r ? r : log_open_file(log, log->head, O_WRONLY | O_APPEND | O_CREAT | O_EXCL);

	if (fd < 0)
		return fd;
	log_rest(log);
	if (log->n_files == LOG_FILES_MAX)
		forget_files(log, 1);
	log->files[log->n_files++] = (struct log_file){ .start = log->head };
	log->tail = log->files[0].start;
	log->fd = fd;
	return 0;
}

static int open_newest(struct log *log, size_t n)
{
	struct log_file *f = newest(log);

	if (!f || f->spoiled || f->size + LOG_HEAD_BYTES + n > LOG_FILE_BYTES)
		return begin_file(log);
	if (log->fd < 0)
		log->fd = log_open_file(log, f->start, O_WRONLY | O_APPEND);
	return log->fd < 0 ? log->fd : 0;
}

/* Part of a record is in the newest file and stays there. One that holds nothing else would be in
 * the way of the next, which begins at the same byte of the log. */
static void spoil(struct log *log)
{
	log_rest(log);
	newest(log)->spoiled = true;
	if (newest(log)->n)
		return;
	remove_file(log, log->n_files - 1);
	log->n_files--;
}

/* A whole record or none of it. */
static int put_record(struct log *log, const uint8_t *data, size_t n, uint64_t wall_usec)
{
	uint8_t head[LOG_HEAD_BYTES];
	struct iovec iov[2] = { { .iov_base = head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)data, .iov_len = n } };
	struct log_file *f;
	ssize_t l;
	int r = open_newest(log, n);

	if (r)
		return r;
	f = newest(log);
	log_head_write(head, (uint32_t)n, wall_usec);
	l = writev(log->fd, iov, 2);
	if (l != (ssize_t)(sizeof(head) + n)) {
		r = l < 0 ? -errno : -ENOSPC;
		if (l >= 0 && ftruncate(log->fd, (off_t)f->size) < 0)
			spoil(log);
		return r;
	}
	f->size += sizeof(head) + n;
	f->n += n;
	f->n_lines += count_lines(data, n);
	f->last_usec = wall_usec;
	f->ends_line = data[n - 1] == '\n';
	log->head += n;
	return 0;
}

static int put_note(struct log *log, uint64_t wall_usec)
{
	char text[NOTE_BYTES];
	int n = snprintf(text, sizeof(text), "[%llu bytes could not be kept]\n",
		(unsigned long long)log->n_dropped);
	int r = log->n_dropped ? put_record(log, (const uint8_t *)text, (size_t)n, wall_usec) : 0;

	log->n_dropped = r ? log->n_dropped : 0;
	return r;
}

void log_append(struct log *log, const void *data, size_t n, uint64_t wall_usec)
{
	const uint8_t *p = data;

	while (n) {
		size_t l = min_size(n, LOG_RECORD_MAX);

		if (log->dir_fd < 0 || put_note(log, wall_usec) || put_record(log, p, l, wall_usec))
			log->n_dropped += l;
		p += l;
		n -= l;
	}
}

/* ---- from before ---- */

int log_parse_name(const char *file, char name[LOG_NAME_BYTES], uint64_t *ret_start)
{
	const char *dot = strrchr(file, '.');

	if (!dot || strlen(dot + 1) != 16 || strspn(dot + 1, "0123456789abcdef") != 16 ||
		(size_t)(dot - file) >= LOG_NAME_BYTES)
		return -EINVAL;
	memcpy(name, file, (size_t)(dot - file));
	name[dot - file] = 0;
	*ret_start = strtoull(dot + 1, NULL, 16);
	return 0;
}

void log_adopt(struct log *log, uint64_t start)
{
	size_t at = 0;

	if (log->n_files == LOG_FILES_MAX)
		forget_files(log, 1); /* more than there can be */
	while (at < log->n_files && log->files[at].start < start)
		at++;
	memmove(log->files + at + 1, log->files + at, (log->n_files - at) * sizeof(log->files[0]));
	log->files[at] = (struct log_file){ .start = start };
	log->n_files++;
	log->adopted = true;
}

/* How much of it is whole records. */
static void measure(struct log *log, size_t i)
{
	struct log_file *f = &log->files[i];
	uint64_t start = f->start, whole = 0;
	int fd = log_open_file(log, start, O_RDWR);
	uint8_t head[LOG_HEAD_BYTES];
	uint8_t data[LOG_RECORD_MAX];
	uint64_t usec;
	uint32_t n;

	*f = (struct log_file){ .start = start };
	while (fd >= 0 && whole < LOG_FILE_BYTES &&
		pread(fd, head, sizeof(head), (off_t)whole) == sizeof(head) &&
		!log_head_read(head, &n, &usec) &&
		pread(fd, data, n, (off_t)(whole + sizeof(head))) == (ssize_t)n) {
		whole += sizeof(head) + n;
		f->n += n;
		f->n_lines += count_lines(data, n);
		f->ends_line = data[n - 1] == '\n';
		f->last_usec = usec;
	}
	f->size = whole;
	if (fd >= 0 && ftruncate(fd, (off_t)whole) < 0)
		*f = (struct log_file){ .start = start };
	close_fd(&fd);
}

void log_recover(struct log *log)
{
	size_t i = log->n_files;

	if (!log->adopted)
		return;
	log->adopted = false;
	for (size_t k = 0; k < log->n_files; k++)
		measure(log, k);
	/* The newest row of files that follow each other. */
	while (i > 1 && log->files[i - 2].start + log->files[i - 2].n == log->files[i - 1].start)
		i--;
	log->head = log->n_files ? newest(log)->start + newest(log)->n : 0;
	forget_files(log, i ? i - 1 : 0);
}

/* ---- where readers begin ---- */

static void take_place(struct log_reader *r, const struct log_scan *s)
{
	r->pos = s->pos;
	r->file_start = s->file < s->log->n_files ? s->log->files[s->file].start : s->log->head;
	r->file_pos = s->file_pos + s->at;
	r->left = s->left;
	r->usec = s->usec;
}

/* Behind the n-th newline from here. */
static void skip_lines(struct log_scan *s, uint64_t n)
{
	struct log_span span;

	while (n && log_scan_next(s, LOG_BLOCK_BYTES, &span) > 0) {
		const uint8_t *nl = memchr(span.data, '\n', span.n);

		if (!nl)
			continue;
		log_scan_back(s, span.n - (size_t)(nl + 1 - span.data));
		n--;
	}
}

static uint64_t n_lines(const struct log *log)
{
	uint64_t n = 0;

	for (size_t i = 0; i < log->n_files; i++)
		n += log->files[i].n_lines;
	return n + (log->n_files && !log->files[log->n_files - 1].ends_line ? 1 : 0);
}

static void seek_lines(struct log_scan *s, const struct log *log, uint64_t want)
{
	uint64_t have = n_lines(log), skip = have > want ? have - want : 0;
	size_t i = 0;

	while (i + 1 < log->n_files && skip > log->files[i].n_lines)
		skip -= log->files[i++].n_lines;
	log_scan_begin(s, log, i);
	skip_lines(s, skip);
}

/* The first line that begins at that time or later. */
static void seek_time(struct log_scan *s, const struct log *log, uint64_t since_usec)
{
	struct log_span span;
	bool inside = false; /* a line began before */
	size_t i = 0;

	while (i < log->n_files && log->files[i].last_usec < since_usec)
		i++;
	if (i > 0)
		inside = !log->files[i - 1].ends_line;
	log_scan_begin(s, log, i);
	while (log_scan_next(s, LOG_BLOCK_BYTES, &span) > 0) {
		if (span.usec >= since_usec) {
			log_scan_back(s, span.n);
			break;
		}
		inside = span.data[span.n - 1] != '\n';
	}
	if (inside)
		skip_lines(s, 1);
}

void log_reader_start(struct log_reader *r, const struct log *log, const struct log_start *from)
{
	struct log_reader other = { .log = log };
	struct log_scan s;

	*r = (struct log_reader){
		.log = log, .timestamps = from->timestamps, .at_line_start = true
	};
	seek_lines(&s, log, from->tail_lines ? from->tail_lines : UINT64_MAX);
	take_place(r, &s);
	log_scan_end(&s);
	if (!from->since_usec)
		return;
	seek_time(&s, log, from->since_usec);
	take_place(&other, &s);
	log_scan_end(&s);
	if (other.pos > r->pos) {
		other.timestamps = r->timestamps;
		other.at_line_start = true;
		*r = other;
	}
}

/* ---- reading ---- */

static size_t put_stamp(uint8_t *buf, uint64_t wall_usec)
{
	char text[LOG_STAMP_MAX], day[24];
	time_t sec = (time_t)(wall_usec / USEC_PER_SEC);
	struct tm tm;
	int n;

	gmtime_r(&sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(text, sizeof(text), "%s.%06uZ ", day, (unsigned)(wall_usec % USEC_PER_SEC));
	memcpy(buf, text, (size_t)n);
	return (size_t)n;
}

/* The file it was in, where it was; its place may have become the start of the next one. */
static int find_place(const struct log_reader *r, struct log_scan *s)
{
	const struct log *log = r->log;
	size_t i = 0;

	while (i < log->n_files && log->files[i].start != r->file_start)
		i++;
	if (i == log->n_files && r->pos != log->head && r->pos != log->tail)
		return LOG_E_LOST;
	if (i == log->n_files) {
		log_scan_begin(s, log, r->pos == log->tail ? 0 : i);
		return 0;
	}
	log_scan_begin(s, log, i);
	s->pos = r->pos;
	s->file_pos = r->file_pos;
	s->left = r->left;
	s->usec = r->usec;
	return 0;
}

/* One span, cut after its first newline when lines carry their time. */
static size_t put_span(
	struct log_reader *r, struct log_scan *s, const struct log_span *span, uint8_t *buf)
{
	const uint8_t *nl = r->timestamps ? memchr(span->data, '\n', span->n) : NULL;
	size_t n = nl ? (size_t)(nl + 1 - span->data) : span->n, used = 0;

	if (r->timestamps && r->at_line_start)
		used = put_stamp(buf, span->usec);
	memcpy(buf + used, span->data, n);
	log_scan_back(s, span->n - n);
	r->at_line_start = span->data[n - 1] == '\n';
	return used + n;
}

int log_reader_read(struct log_reader *r, uint8_t *buf, size_t n, size_t *ret_n)
{
	struct log_span span;
	struct log_scan s;
	size_t used = 0;
	int got = 1;

	*ret_n = 0;
	if (r->pos == r->log->head)
		return 0;
	if (r->pos < r->log->tail || find_place(r, &s))
		return LOG_E_LOST;
	while (got > 0 && n - used > LOG_STAMP_MAX) {
		got = log_scan_next(&s, n - used - LOG_STAMP_MAX, &span);
		if (got > 0)
			used += put_span(r, &s, &span, buf + used);
	}
	take_place(r, &s);
	log_scan_end(&s);
	*ret_n = used;
	return got < 0 && !used ? LOG_E_LOST : 0;
}

#include "local/log_scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define FILE_NAME_BYTES (LOG_NAME_BYTES + 20)
#define MAGIC UINT32_C(0x676f4c0a) /* tells a head from what is none */

void log_head_write(uint8_t out[LOG_HEAD_BYTES], uint32_t n, uint64_t wall_usec)
{
	uint32_t check = n ^ MAGIC;

	memcpy(out, &wall_usec, 8);
	memcpy(out + 8, &n, 4);
	memcpy(out + 12, &check, 4);
}

int log_head_read(const uint8_t in[LOG_HEAD_BYTES], uint32_t *ret_n, uint64_t *ret_wall_usec)
{
	uint32_t n, check;

	memcpy(&n, in + 8, 4);
	memcpy(&check, in + 12, 4);
	if (!n || n > LOG_RECORD_MAX || check != (n ^ MAGIC))
		return -EBADMSG;
	*ret_n = n;
	memcpy(ret_wall_usec, in, 8);
	return 0;
}

int log_open_file(const struct log *log, uint64_t start, int flags)
{
	char name[FILE_NAME_BYTES];
	int fd;

	snprintf(name, sizeof(name), "%s.%016llx", log->name, (unsigned long long)start);
	fd = openat(log->dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

void log_scan_begin(struct log_scan *s, const struct log *log, size_t file)
{
	s->log = log;
	s->file = file;
	s->fd = -1;
	s->pos = file < log->n_files ? log->files[file].start : log->head;
	s->file_pos = s->left = s->usec = 0;
	s->at = s->got = 0;
}

void log_scan_end(struct log_scan *s)
{
	close_fd(&s->fd);
}

static void next_file(struct log_scan *s)
{
	close_fd(&s->fd);
	s->file++;
	s->file_pos = s->left = 0;
	s->at = s->got = 0;
	if (s->file < s->log->n_files)
		s->pos = s->log->files[s->file].start;
}

/* The block that begins at the first byte not taken yet. 0: the file has no more. */
static int read_block(struct log_scan *s)
{
	const struct log_file *f = &s->log->files[s->file];
	ssize_t l;

	s->file_pos += s->at;
	s->at = s->got = 0;
	if (s->file_pos >= f->size)
		return 0;
	if (s->fd < 0)
		s->fd = log_open_file(s->log, f->start, O_RDONLY);
	if (s->fd < 0)
		return s->fd;
	do {
		l = pread(s->fd, s->block, min_size(sizeof(s->block), f->size - s->file_pos),
			(off_t)s->file_pos);
	} while (l < 0 && errno == EINTR);
	if (l <= 0)
		return l < 0 ? -errno : -EBADMSG;
	s->got = (size_t)l;
	return 1;
}

/* 1: there are bytes of a record in the block; 0: the file has no more. */
static int enter_record(struct log_scan *s)
{
	size_t need = s->left ? 1 : LOG_HEAD_BYTES;
	uint32_t n;
	int r;

	if (s->got - s->at < need) {
		r = read_block(s);
		if (r <= 0)
			return r;
		if (s->got < need)
			return -EBADMSG;
	}
	if (s->left)
		return 1;
	r = log_head_read(s->block + s->at, &n, &s->usec);
	if (r)
		return r;
	s->at += LOG_HEAD_BYTES;
	s->left = n;
	return s->at < s->got ? 1 : enter_record(s);
}

int log_scan_next(struct log_scan *s, size_t max, struct log_span *ret)
{
	int r = 0;

	while (!r && s->file < s->log->n_files) {
		r = enter_record(s);
		if (!r && s->file + 1 == s->log->n_files)
			return 0; /* more may be written here */
		if (!r)
			next_file(s);
	}
	if (r <= 0)
		return r;
	*ret = (struct log_span){ .data = s->block + s->at,
		.n = min_size(min_size(s->left, s->got - s->at), max),
		.offset = s->pos,
		.usec = s->usec };
	s->at += ret->n;
	s->left -= ret->n;
	s->pos += ret->n;
	return 1;
}

void log_scan_back(struct log_scan *s, size_t n)
{
	s->at -= n;
	s->left += n;
	s->pos -= n;
}

/* ReadFile, WriteFile: the sandbox's init opens the file, so a path means what it means inside */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "local/request.h"
#include "local/service.h"

#define FILE_MAX ((size_t)32 * 1024 * 1024)
#define FILE_MAX_TEXT "33554432"
#define WRITE_OVERHEAD_MAX ((size_t)64 * 1024) /* path, ids and framing of a WriteFileRequest */
#define UNSIZED_MAX ((size_t)4 * 1024 * 1024)  /* of a file that says it is empty, as in /proc */
#define WRITE_SLICE ((size_t)1024 * 1024)      /* a turn */
#define HEAD_MAX 16
#define PATH_SHOWN_MAX 256 /* bytes of a path in an error's text */

#define REASON_FILE_TOO_LARGE "CWSANDBOX_FILE_TOO_LARGE"

/* ---- errors ---- */

static const struct file_error {
	int error;
	int code;
	const char *reason, *text;
} file_errors[] = {
	{ ENOENT, GRPC_NOT_FOUND, "CWSANDBOX_FILE_NOT_FOUND", "no such file" },
	{ ENOTDIR, GRPC_NOT_FOUND, "CWSANDBOX_FILE_NOT_FOUND",
		"a part of the path is not a folder" },
	{ EISDIR, GRPC_FAILED_PRECONDITION, "CWSANDBOX_FILE_IS_DIRECTORY", "it is a folder" },
	{ EACCES, GRPC_PERMISSION_DENIED, "CWSANDBOX_FILE_PERMISSION_DENIED", "permission denied" },
	{ EPERM, GRPC_PERMISSION_DENIED, "CWSANDBOX_FILE_PERMISSION_DENIED", "not permitted" },
	{ EROFS, GRPC_PERMISSION_DENIED, "CWSANDBOX_FILE_PERMISSION_DENIED", "it is read-only" },
	{ EINVAL, GRPC_FAILED_PRECONDITION, "CWSANDBOX_FILE_IO_FAILED",
		"it is not a regular file" },
	{ ENOSPC, GRPC_RESOURCE_EXHAUSTED, "CWSANDBOX_FILE_IO_FAILED",
		"this machine's disk is nearly full" },
	{ EPIPE, GRPC_CANCELLED, NULL, "the sandbox ended" },
};

static void fail_file(struct call *call, const char *path, int error)
{
	const struct file_error other = { error, GRPC_INTERNAL, "CWSANDBOX_FILE_IO_FAILED",
		strerror(-error) },
				*e = &other;
	char shown[PATH_SHOWN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(file_errors); i++)
		if (file_errors[i].error == -error)
			e = &file_errors[i];
	call_fail_with(call, e->code, e->reason, "%s: %s",
		text_encode(shown, sizeof(shown), path, strlen(path)), e->text);
}

/* A file that is not there is made: what is missing is its folder. */
static void fail_writing(struct call *call, const char *path, int error)
{
	const char *slash = strrchr(path, '/');
	char shown[PATH_SHOWN_MAX];

	if (error != -ENOENT || !slash || slash == path)
		return fail_file(call, path, error);
	call_fail_with(call, GRPC_NOT_FOUND, "CWSANDBOX_FILE_NOT_FOUND",
		"there is no folder %s: make it first, with mkdir -p",
		text_encode(shown, sizeof(shown), path, (size_t)(slash - path)));
}

static void fail_too_large(struct call *call, const uint64_t *size)
{
	struct grpc_status st = { 0 };
	char text[24];

	grpc_status_set(&st, GRPC_FAILED_PRECONDITION, REASON_FILE_TOO_LARGE,
		"the file is larger than " FILE_MAX_TEXT " bytes");
	grpc_status_add_metadata(&st, "max_size_bytes", FILE_MAX_TEXT);
	if (size) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)*size);
		grpc_status_add_metadata(&st, "size_bytes", text);
	}
	call_fail(call, &st);
}

static bool path_ok(struct call *call, const char *path)
{
	bool ok = *path && strlen(path) < 4096;

	if (!ok)
		call_fail_field(call, "path", "must have 1 to 4095 bytes");
	return ok;
}

/* ---- ReadFile: from the file into the connection's buffer, never held whole ---- */

struct reading {
	struct call *call;
	struct opening opening;
	Coreweave__Sandbox__V1__ReadFileRequest *req;
	int fd;
	uint64_t left; /* bytes of content still to send */
};

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* Prefix and field head of ReadFileResponse.content; the content follows from the file. */
static int put_head(struct reading *rd, uint64_t size)
{
	uint8_t head[HEAD_MAX], *p = head + GRPC_PREFIX_BYTES;
	struct grpc_outbox *out = &rd->call->out;

	if (size) {
		*p++ = 0x0a;
		p = put_varint(p, size);
	}
	grpc_prefix(head, (size_t)(p - head) - GRPC_PREFIX_BYTES + size);
	out->data = malloc(HEAD_MAX);
	if (!out->data)
		return -ENOMEM;
	memcpy(out->data, head, (size_t)(p - head));
	out->n = (size_t)(p - head);
	out->cap = HEAD_MAX;
	return 0;
}

static size_t reading_read(struct call *call, uint8_t *buf, size_t n)
{
	struct reading *rd = call->state;
	struct grpc_status st = { 0 };
	ssize_t l = 0;

	if (rd->fd < 0)
		return 0;
	if (rd->left)
		l = read(rd->fd, buf, min_size(n, rd->left));
	if (l > 0) {
		rd->left -= (uint64_t)l;
		return (size_t)l;
	}
	if (rd->left)
		grpc_status_set(&st, GRPC_DATA_LOSS, "CWSANDBOX_FILE_TRUNCATED",
			"the file became shorter while it was read");
	close_fd(&rd->fd);
	call_finish_later(call, &st);
	return 0;
}

/* One byte more than may be sent tells a file that fits from one that does not. */
static void send_unsized(struct reading *rd)
{
	Coreweave__Sandbox__V1__ReadFileResponse res =
		COREWEAVE__SANDBOX__V1__READ_FILE_RESPONSE__INIT;
	_cleanup_(freep) uint8_t *data = malloc(UNSIZED_MAX + 1);
	size_t n = 0;
	ssize_t l = 1;

	while (data && l > 0 && n <= UNSIZED_MAX) {
		l = read(rd->fd, data + n, UNSIZED_MAX + 1 - n);
		n += l > 0 ? (size_t)l : 0;
	}
	if (!data || l < 0)
		return fail_file(rd->call, rd->req->path, data ? -errno : -ENOMEM);
	if (n > UNSIZED_MAX)
		return call_fail_with(rd->call, GRPC_FAILED_PRECONDITION, REASON_FILE_TOO_LARGE,
			"the file says it is empty, and holds more than %zu bytes", UNSIZED_MAX);
	res.content = (ProtobufCBinaryData){ .data = data, .len = n };
	call_answer(rd->call, &res.base);
}

static void on_read_open(struct opening *o, int error, int fd, uint64_t size)
{
	struct reading *rd = container_of(o, struct reading, opening);

	if (error)
		return fail_file(rd->call, rd->req->path, error);
	rd->fd = fd;
	if (size > FILE_MAX) {
		fail_too_large(rd->call, &size);
	} else if (!size) {
		send_unsized(rd);
		close_fd(&rd->fd);
	} else if (put_head(rd, size)) {
		fail_file(rd->call, rd->req->path, -ENOMEM);
	} else {
		rd->left = size;
		grpc_resume(&rd->call->rpc);
	}
}

static void reading_end(struct call *call)
{
	struct reading *rd = call->state;

	opening_cancel(&rd->opening);
	close_fd(&rd->fd);
	coreweave__sandbox__v1__read_file_request__free_unpacked(rd->req, NULL);
	free(rd);
	call->state = NULL;
}

static const struct call_ops reading_ops = { .read = reading_read, .on_end = reading_end };

/* Takes req. */
static void start_reading(
	struct call *call, struct box *b, Coreweave__Sandbox__V1__ReadFileRequest *req)
{
	struct reading *rd = calloc(1, sizeof(*rd));
	int r;

	if (!rd) {
		fail_file(call, req->path, -ENOMEM);
		coreweave__sandbox__v1__read_file_request__free_unpacked(req, NULL);
		return;
	}
	rd->call = call;
	rd->req = req;
	rd->fd = -1;
	rd->opening.on_done = on_read_open;
	call->state = rd;
	call->ops = &reading_ops;
	call_arm_deadline(call);
	r = box_open(b, req->path, 0, &rd->opening);
	if (r)
		fail_file(call, req->path, r);
}

static void on_read_file(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__ReadFileRequest *req =
		request_unpack(&coreweave__sandbox__v1__read_file_request__descriptor, data, n);

	struct box *b;

	if (!req)
		return call_fail_not_understood(call);
	b = call_box(call, req->sandbox_id, req->container, NULL);
	if (b && path_ok(call, req->path))
		return start_reading(call, b, req);
	coreweave__sandbox__v1__read_file_request__free_unpacked(req, NULL);
}

/* ---- WriteFile: a slice a turn ---- */

struct writing {
	struct call *call;
	struct opening opening;
	Coreweave__Sandbox__V1__WriteFileRequest *req;
	struct event *ev;
	int fd;
	size_t pos;
};

static void write_slice(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	Coreweave__Sandbox__V1__WriteFileResponse res =
		COREWEAVE__SANDBOX__V1__WRITE_FILE_RESPONSE__INIT;
	struct writing *w = arg;
	size_t left = w->req->content.len - w->pos;
	ssize_t l = 0;

	if (left)
		l = write(w->fd, w->req->content.data + w->pos, min_size(left, WRITE_SLICE));
	if (l < 0 && errno != EINTR) {
		fail_writing(w->call, w->req->path, -errno);
		return;
	}
	w->pos += l > 0 ? (size_t)l : 0;
	if (w->pos < w->req->content.len)
		event_active(w->ev, EV_TIMEOUT, 1);
	else
		call_answer(w->call, &res.base);
}

static void on_write_open(struct opening *o, int error, int fd, uint64_t size _unused_)
{
	struct writing *w = container_of(o, struct writing, opening);

	w->fd = fd;
	if (error)
		fail_writing(w->call, w->req->path, error);
	else
		event_active(w->ev, EV_TIMEOUT, 1);
}

static void writing_end(struct call *call)
{
	struct writing *w = call->state;

	opening_cancel(&w->opening);
	if (w->ev)
		event_free(w->ev);
	close_fd(&w->fd);
	coreweave__sandbox__v1__write_file_request__free_unpacked(w->req, NULL);
	free(w);
	call->state = NULL;
}

static const struct call_ops writing_ops = { .on_end = writing_end };

/* Takes req. */
static void start_writing(
	struct call *call, struct box *b, Coreweave__Sandbox__V1__WriteFileRequest *req)
{
	struct writing *w = calloc(1, sizeof(*w));
	int r;

	if (!w) {
		fail_writing(call, req->path, -ENOMEM);
		coreweave__sandbox__v1__write_file_request__free_unpacked(req, NULL);
		return;
	}
	w->call = call;
	w->req = req;
	w->fd = -1;
	w->opening.on_done = on_write_open;
	w->ev = evtimer_new(call->service->loop->base, write_slice, w);
	call->state = w;
	call->ops = &writing_ops;
	call_arm_deadline(call);
	r = w->ev ? 0 : -ENOMEM;
	if (!r && !watch_has_room(&b->boxes->watch, req->content.len))
		r = -ENOSPC;
	r = r ? r : box_open(b, req->path, INIT_WRITE, &w->opening);
	if (r)
		fail_writing(call, req->path, r);
}

static void on_write_file(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__WriteFileRequest *req =
		request_unpack(&coreweave__sandbox__v1__write_file_request__descriptor, data, n);
	struct box *b;

	if (!req)
		return call_fail_not_understood(call);
	if (req->content.len > FILE_MAX) {
		fail_too_large(call, &(uint64_t){ req->content.len });
	} else {
		b = call_box(call, req->sandbox_id, req->container, NULL);
		if (b && path_ok(call, req->path))
			return start_writing(call, b, req);
	}
	coreweave__sandbox__v1__write_file_request__free_unpacked(req, NULL);
}

/* What is too large is refused by its first bytes, not when it is all here. */
static int on_write_part(struct call *call, const struct grpc_part *part)
{
	if (part->message_size > FILE_MAX + WRITE_OVERHEAD_MAX && !call->answered)
		fail_too_large(call, NULL);
	return call_gather(call, part);
}

const struct method files_methods[] = {
	{ .name = "ReadFile", .permission = PERMISSION(READ_FILE), .on_request = on_read_file },
	{ .name = "WriteFile",
		.permission = PERMISSION(WRITE_FILE),
		.request_max = GRPC_FILE_MESSAGE_MAX,
		.on_part = on_write_part,
		.on_request = on_write_file },
	{ 0 },
};

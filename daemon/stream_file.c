#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "daemon/stream.h"

#define CONTENT_TAG_READ 0x0a  /* ReadFileResponse.content: field 1, bytes */
#define CONTENT_TAG_WRITE 0x1a /* WriteFileRequest.content: field 3, bytes */
#define VARINT_MAX 10

/* ---- what a helper script says ------------------------------------------------------------------ */

static void keep_error(struct stream *s, const struct exec_event *ev)
{
	size_t room = sizeof(s->exec.errors) - 1 - s->exec.n_errors,
	       n = ev->n < room ? ev->n : room;

	memcpy(s->exec.errors + s->exec.n_errors, ev->data, n);
	s->exec.n_errors += n;
	s->exec.errors[s->exec.n_errors] = '\0';
	call_consume(&s->call, ev->n);
}

/* As the service would say it. */
static void fail_file(struct stream *s, int code, const char *reason, const char *detail)
{
	struct grpc_status st = { 0 };

	grpc_status_set(&st, code, reason, "%s", detail);
	stream_fail_status(s, &st);
	grpc_status_done(&st);
}

static void script_failed(struct stream *s, int exit_code)
{
	char said[STREAM_ERRORS_MAX * 2];

	if (exit_code == 2)
		return fail_file(s, GRPC_NOT_FOUND, "CWSANDBOX_FILE_NOT_FOUND", "no such file");
	if (exit_code == 3)
		return fail_file(s, GRPC_FAILED_PRECONDITION, "CWSANDBOX_FILE_IS_DIRECTORY",
			"is a directory");
	if (s->exec.n_errors && s->exec.errors[s->exec.n_errors - 1] == '\n')
		s->exec.n_errors--;
	if (s->exec.n_errors)
		text_encode(said, sizeof(said), s->exec.errors, s->exec.n_errors);
	else
		snprintf(said, sizeof(said), "the script in the sandbox ended with code %d",
			exit_code);
	fail_file(s, GRPC_UNKNOWN, "CWSANDBOX_FILE_IO_FAILED", said);
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* As much as there was, and no end of what a program goes on writing. */
static const char read_script[] =
	"[ -e \"$1\" ] || exit 2; [ -d \"$1\" ] && exit 3; exec head -c \"$2\" <\"$1\"";

static uint64_t read_max(const struct stream *s)
{
	return s->file.expected != UINT64_MAX ? s->file.expected : STREAM_FILE_MAX;
}

static void on_read_output(struct stream *s, const struct exec_event *ev)
{
	if (ev->stream == EXEC_STDERR)
		return keep_error(s, ev);
	if (ev->n > read_max(s) - s->file.done)
		return fail_file(s, GRPC_RESOURCE_EXHAUSTED, "CWSANDBOX_FILE_TOO_LARGE",
			"the file is larger than it was, or than 256 MiB");
	if (stream_output(s, ev->data, ev->n, LOG_STDOUT))
		s->file.done += ev->n;
}

static void on_read_exit(struct stream *s, int exit_code)
{
	const struct session_end ok = { .failed = false };

	if (exit_code != 0)
		script_failed(s, exit_code);
	else if (s->file.expected != UINT64_MAX && s->file.done < s->file.expected)
		fail_file(s, GRPC_DATA_LOSS, "CWSANDBOX_FILE_TRUNCATED",
			"the file came shorter than it is");
	else
		stream_end(s, &ok);
}

static const struct stream_exec_ops read_script_ops = { .on_output = on_read_output,
	.on_exit = on_read_exit };

static uint64_t size_of(const struct grpc_status *st)
{
	for (size_t i = 0; i < st->n_metadata; i++)
		if (strcmp(st->metadata[i].key, "size_bytes") == 0)
			return strtoull(st->metadata[i].value, NULL, 10);
	return UINT64_MAX;
}

/* Too big for one message: by a script, up to a bound. */
static bool read_by_script(struct stream *s, const struct grpc_status *st)
{
	char most[24];
	const char *argv[] = { "/bin/sh", "-c", read_script, "sh", s->path, most };
	bool too_large = st->reason && strcmp(st->reason, "CWSANDBOX_FILE_TOO_LARGE") == 0;
	uint64_t size = size_of(st);

	if (s->file.done > 0 || st->transport ||
		(!too_large && st->code != GRPC_RESOURCE_EXHAUSTED))
		return false;
	if (size != UINT64_MAX ? size > STREAM_FILE_MAX : too_large)
		return false;
	s->file.expected = size;
	snprintf(most, sizeof(most), "%ju",
		(uintmax_t)(size != UINT64_MAX ? size : STREAM_FILE_MAX + 1));
	s->stdin_open = false;
	return stream_exec_script(s, argv, ARRAY_SIZE(argv), &read_script_ops) == 0;
}

/* Takes the answer's field header, byte by byte, until the content begins. -EBADMSG: another shape. */
static int take_head(struct stream *s, uint8_t byte)
{
	uint64_t value = 0;

	s->file.head[s->file.n_head++] = byte;
	if (s->file.head[0] != CONTENT_TAG_READ || s->file.n_head > VARINT_MAX)
		return -EBADMSG;
	if (s->file.n_head == 1 || (byte & 0x80))
		return 0;
	for (size_t i = s->file.n_head - 1; i > 0; i--)
		value = value << 7 | (s->file.head[i] & 0x7f);
	s->file.left = value;
	s->file.in_content = value > 0;
	s->file.n_head = 0;
	return 0;
}

static size_t take_content(struct stream *s, const uint8_t *data, size_t n)
{
	size_t l = n < s->file.left ? n : (size_t)s->file.left;

	if (stream_output(s, data, l, LOG_STDOUT))
		s->file.done += l;
	s->file.left -= l;
	s->file.in_content = s->file.left > 0;
	return l;
}

static int on_read_part(struct call *c, const struct grpc_part *part)
{
	struct stream *s = stream_of_call(c);
	size_t i = 0;
	int r = 0;

	while (i < part->n && r == 0) {
		if (s->file.in_content) {
			i += take_content(s, part->data + i, part->n - i);
			continue;
		}
		r = take_head(s, part->data[i++]);
		call_consume(c, 1);
	}
	return r;
}

static bool read_again(struct stream *s, const struct grpc_status *st)
{
	uint64_t now = loop_now(s->pool->loop), pause = 0;
	uint64_t left = s->until_usec > now ? s->until_usec - now : s->until_usec ? 1 : 0;

	if (s->file.done > 0 || s->file.n_head > 0 ||
		!retry_unavailable(st, ++s->file.n_attempts, left, UINT32_MAX / 2, &pause))
		return false;
	stream_arm(s, pause);
	return true;
}

static void on_read_done(struct call *c, const struct grpc_status *st)
{
	struct stream *s = stream_of_call(c);
	const struct session_end ok = { .failed = false };

	if (s->closed || s->ended)
		return stream_rest(s);
	if (st->code == GRPC_OK && (s->file.in_content || s->file.n_head > 0))
		fail_file(s, GRPC_DATA_LOSS, "CWSANDBOX_FILE_TRUNCATED",
			"the file came shorter than it is");
	else if (st->code == GRPC_OK)
		stream_end(s, &ok);
	else if (!read_by_script(s, st) && !read_again(s, st))
		stream_fail_status(s, st);
}

static const struct call_ops read_ops = { .on_part = on_read_part, .on_done = on_read_done };

static int read_begin(struct stream *s)
{
	stream_up(s);
	return stream_call(s, CALL_PREFIX "ReadFile");
}

static void read_timer(struct stream *s)
{
	struct outcome o;
	int r = read_begin(s);

	if (r == 0)
		return;
	outcome_set(&o, "no_memory", "refused", "The file cannot be asked for again: %s.",
		strerror(-r));
	stream_fail(s, &o);
}

const struct stream_kind stream_read_kind = { .begin = read_begin, .on_timer = read_timer };

static int read_prepare(struct stream *s)
{
	Coreweave__Sandbox__V1__ReadFileRequest m = COREWEAVE__SANDBOX__V1__READ_FILE_REQUEST__INIT;

	call_init(&s->call, &read_ops);
	s->call.wide = true;
	s->call.message_max = GRPC_FILE_MESSAGE_MAX;
	m.sandbox_id = s->sandbox_id;
	m.path = s->path;
	m.container = s->container ? s->container : m.container;
	return unary_put(&s->call.request, &m.base);
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* Takes exactly $2 bytes, so that it does not depend on the end of its input being passed on; the file is
 * replaced only when all are there, and whoever goes before that leaves nothing. The shell waits beside head, for
 * dash may lose a signal while it starts one that it waits for, and head would be waited for until both are killed. */
static const char write_script[] =
	"[ -d \"$1\" ] && exit 3; t=\"$1.cwsandbox.$$\"; p=; "
	"trap 'rm -f -- \"$t\"; [ -z \"$p\" ] || kill \"$p\"; exit 6' HUP INT PIPE TERM; "
	"{ head -c \"$2\" <&3 & } 3<&0 >\"$t\" || exit 4; p=$!; "
	"wait \"$p\" || { rm -f -- \"$t\"; exit 4; }; p=; "
	"if [ \"$(wc -c <\"$t\")\" -ne \"$2\" ]; then rm -f -- \"$t\"; "
	"echo 'the content came short' >&2; exit 5; fi; "
	"mv -f -- \"$t\" \"$1\"";

static void on_write_output(struct stream *s, const struct exec_event *ev)
{
	keep_error(s, ev);
}

static void on_write_exit(struct stream *s, int exit_code)
{
	const struct session_end ok = { .failed = false };

	if (exit_code != 0)
		script_failed(s, exit_code);
	else
		stream_end(s, &ok);
}

static const struct stream_exec_ops write_script_ops = { .on_output = on_write_output,
	.on_exit = on_write_exit };

static void short_input(struct stream *s)
{
	struct outcome o;

	outcome_set(&o, "bad_params", "refused",
		"The content ended after %ju of %ju bytes: nothing was written.",
		(uintmax_t)s->file.done, (uintmax_t)s->file.size);
	o.error.field = "size";
	stream_fail(s, &o);
}

/* The message's size was said in its head: exactly that many bytes follow. */
static size_t on_write_read(struct call *c, uint8_t *buf, size_t n, bool *ret_end)
{
	struct stream *s = stream_of_call(c);
	uint64_t left = s->file.size - s->file.done;
	bool end = false;
	size_t l;

	if (s->closed || s->ended)
		return 0;
	l = session_input_read(s->session, buf, n < left ? n : (size_t)left, &end);
	s->file.done += l;
	*ret_end = s->file.done == s->file.size;
	if (end && !*ret_end)
		short_input(s);
	return l;
}

static int on_write_part(struct call *c, const struct grpc_part *part)
{
	call_consume(c, part->n);
	return 0;
}

static void on_write_done(struct call *c, const struct grpc_status *st)
{
	struct stream *s = stream_of_call(c);
	const struct session_end ok = { .failed = false };

	if (s->closed || s->ended)
		return stream_rest(s);
	if (st->code == GRPC_OK)
		stream_end(s, &ok);
	else
		stream_fail_status(s, st);
}

static const struct call_ops write_ops = {
	.on_part = on_write_part, .read = on_write_read, .on_done = on_write_done
};

static int write_begin(struct stream *s)
{
	char size[24];
	const char *argv[] = { "/bin/sh", "-c", write_script, "sh", s->path, size };

	if (s->file.size <= STREAM_FILE_UNARY_MAX) {
		stream_up(s);
		return stream_call(s, CALL_PREFIX "WriteFile");
	}
	snprintf(size, sizeof(size), "%ju", (uintmax_t)s->file.size);
	s->stdin_open = true;
	return stream_exec_script(s, argv, ARRAY_SIZE(argv), &write_script_ops);
}

static void write_late(struct stream *s)
{
	fail_file(s, GRPC_DEADLINE_EXCEEDED, NULL, "the sandbox did not take the content in time");
}

const struct stream_kind stream_write_kind = { .begin = write_begin, .on_timer = write_late };

static size_t put_varint(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		to[n++] = (uint8_t)(value | 0x80);
	to[n++] = (uint8_t)value;
	return n;
}

/* Prefix, the other fields, and the head of the content, whose bytes follow from the input. */
static int write_prepare(struct stream *s)
{
	Coreweave__Sandbox__V1__WriteFileRequest m =
		COREWEAVE__SANDBOX__V1__WRITE_FILE_REQUEST__INIT;
	struct grpc_outbox *o = &s->call.request;
	uint8_t head[1 + VARINT_MAX] = { CONTENT_TAG_WRITE };
	size_t fields, n_head = 1 + put_varint(head + 1, s->file.size);

	call_init(&s->call, &write_ops);
	m.sandbox_id = s->sandbox_id;
	m.path = s->path;
	m.container = s->container ? s->container : m.container;
	fields = coreweave__sandbox__v1__write_file_request__get_packed_size(&m);
	o->data = malloc(GRPC_PREFIX_BYTES + fields + n_head);
	if (!o->data)
		return -ENOMEM;
	o->n = o->cap = GRPC_PREFIX_BYTES + fields + n_head;
	grpc_prefix(o->data, fields + n_head + (size_t)s->file.size);
	coreweave__sandbox__v1__write_file_request__pack(&m, o->data + GRPC_PREFIX_BYTES);
	memcpy(o->data + GRPC_PREFIX_BYTES + fields, head, n_head);
	return 0;
}

int stream_file_prepare(struct stream *s, const struct upstream_spec *spec)
{
	s->file.size = spec->size;
	s->file.expected = UINT64_MAX;
	return s->kind == &stream_read_kind ? read_prepare(s) : write_prepare(s);
}

#include "common/wire/grpc_status.h"

#include <google/rpc/status.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TYPE_PREFIX "type.googleapis.com/"
#define DETAIL_TEXT_MAX ((size_t)1024) /* bytes of the message repeated in the details */

/* ---- the struct ---- */

void grpc_status_done(struct grpc_status *st)
{
	free(st->message);
	free(st->reason);
	for (size_t i = 0; i < st->n_metadata; i++) {
		free(st->metadata[i].key);
		free(st->metadata[i].value);
	}
	for (size_t i = 0; i < st->n_violations; i++) {
		free(st->violations[i].field);
		free(st->violations[i].description);
	}
	memset(st, 0, sizeof(*st));
}

int grpc_status_set(struct grpc_status *st, int code, const char *reason, const char *fmt, ...)
{
	char text[GRPC_STATUS_TEXT_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(
		text, sizeof(text), fmt, ap); /* before the old strings go: they may be arguments */
	va_end(ap);
	if (reason) {
		reason = strdup(reason);
		if (!reason)
			return -ENOMEM;
	}
	grpc_status_done(st);
	st->code = code;
	st->reason = (char *)reason;
	if (!text[0])
		return 0;
	st->message = strdup(text);
	return st->message ? 0 : -ENOMEM;
}

static char *dup_cut(const char *s)
{
	return s ? strndup(s, GRPC_STATUS_TEXT_MAX) : strdup("");
}

static int dup_pair(const char *a, const char *b, char **ret_a, char **ret_b)
{
	char *copy_a = dup_cut(a), *copy_b = dup_cut(b);

	if (!copy_a || !copy_b) {
		free(copy_a);
		free(copy_b);
		return -ENOMEM;
	}
	*ret_a = copy_a;
	*ret_b = copy_b;
	return 0;
}

int grpc_status_add_violation(struct grpc_status *st, const char *field, const char *description)
{
	struct grpc_violation *v = &st->violations[st->n_violations];
	int r;

	if (st->n_violations == GRPC_VIOLATIONS_MAX)
		return -E2BIG;
	r = dup_pair(field, description, &v->field, &v->description);
	if (!r)
		st->n_violations++;
	return r;
}

int grpc_status_add_metadata(struct grpc_status *st, const char *key, const char *value)
{
	struct grpc_metadatum *m = &st->metadata[st->n_metadata];
	int r;

	if (st->n_metadata == GRPC_METADATA_MAX)
		return -E2BIG;
	r = dup_pair(key, value, &m->key, &m->value);
	if (!r)
		st->n_metadata++;
	return r;
}

int grpc_status_copy(struct grpc_status *dst, const struct grpc_status *src)
{
	struct grpc_status copy = { 0 };
	int r = grpc_status_set(
		&copy, src->code, src->reason, "%s", src->message ? src->message : "");

	for (size_t i = 0; !r && i < src->n_metadata; i++)
		r = grpc_status_add_metadata(&copy, src->metadata[i].key, src->metadata[i].value);
	for (size_t i = 0; !r && i < src->n_violations; i++)
		r = grpc_status_add_violation(
			&copy, src->violations[i].field, src->violations[i].description);
	if (r) {
		grpc_status_done(&copy);
		return r;
	}
	copy.has_retry_delay = src->has_retry_delay;
	copy.retry_delay_usec = src->retry_delay_usec;
	copy.unprocessed = src->unprocessed;
	copy.transport = src->transport;
	grpc_status_done(dst);
	*dst = copy;
	return 0;
}

const char *grpc_code_name(int code)
{
	static const char *const names[] = { "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
		"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED" };
	static _Thread_local char other[24];

	if (code >= 0 && (size_t)code < ARRAY_SIZE(names))
		return names[code];
	snprintf(other, sizeof(other), "code %d", code);
	return other;
}

/* ---- details, in ---- */

static void take_error_info(struct grpc_status *st, const Google__Rpc__ErrorInfo *info)
{
	if (st->reason || strcmp(info->domain, GRPC_DOMAIN) != 0 || !info->reason[0])
		return;
	st->reason = dup_cut(info->reason);
	for (size_t i = 0; st->reason && i < info->n_metadata; i++)
		grpc_status_add_metadata(st, info->metadata[i]->key, info->metadata[i]->value);
}

static void take_retry_info(struct grpc_status *st, const Google__Rpc__RetryInfo *info)
{
	const Google__Protobuf__Duration *d = info->retry_delay;
	uint64_t usec;

	if (st->has_retry_delay || !d || d->seconds < 0 || d->nanos < 0 || d->nanos >= 1000000000)
		return;
	if (__builtin_mul_overflow((uint64_t)d->seconds, USEC_PER_SEC, &usec) ||
		__builtin_add_overflow(usec, ((uint64_t)d->nanos + 999) / 1000, &usec))
		return;
	st->has_retry_delay = true;
	st->retry_delay_usec = usec;
}

static void take_bad_request(struct grpc_status *st, const Google__Rpc__BadRequest *bad)
{
	if (st->n_violations)
		return;
	for (size_t i = 0; i < bad->n_field_violations; i++)
		grpc_status_add_violation(
			st, bad->field_violations[i]->field, bad->field_violations[i]->description);
}

/* Any.type_url is a URL of any kind that ends in "/" and the full name. */
static bool is_type(const Google__Protobuf__Any *any, const char *name)
{
	const char *slash = strrchr(any->type_url, '/');

	return slash && strcmp(slash + 1, name) == 0;
}

static void take_detail(struct grpc_status *st, const Google__Protobuf__Any *any)
{
	size_t n = any->value.len;
	const uint8_t *data = any->value.data;

	if (is_type(any, "google.rpc.ErrorInfo")) {
		Google__Rpc__ErrorInfo *m = google__rpc__error_info__unpack(NULL, n, data);

		if (m)
			take_error_info(st, m);
		google__rpc__error_info__free_unpacked(m, NULL);
	} else if (is_type(any, "google.rpc.RetryInfo")) {
		Google__Rpc__RetryInfo *m = google__rpc__retry_info__unpack(NULL, n, data);

		if (m)
			take_retry_info(st, m);
		google__rpc__retry_info__free_unpacked(m, NULL);
	} else if (is_type(any, "google.rpc.BadRequest")) {
		Google__Rpc__BadRequest *m = google__rpc__bad_request__unpack(NULL, n, data);

		if (m)
			take_bad_request(st, m);
		google__rpc__bad_request__free_unpacked(m, NULL);
	}
}

static void take_details(struct grpc_status *st, const char *text)
{
	Google__Rpc__Status *m;
	uint8_t *data;
	size_t n;

	data = grpc_base64_decode(text, &n);
	if (!data)
		return;
	m = google__rpc__status__unpack(NULL, n, data);
	for (size_t i = 0; m && i < m->n_details; i++)
		take_detail(st, m->details[i]);
	google__rpc__status__free_unpacked(m, NULL);
	free(data);
}

/* A code as it came, of up to 9 digits; anything else is UNKNOWN. */
static int parse_code(const char *s)
{
	int code = 0;
	size_t n;

	for (n = 0; s[n] >= '0' && s[n] <= '9' && n < 9; n++)
		code = code * 10 + (s[n] - '0');
	return n && !s[n] ? code : GRPC_UNKNOWN;
}

void grpc_status_from_headers(struct grpc_status *st, const struct h2_stream *stream)
{
	const char *code = h2_stream_header(stream, "grpc-status");
	const char *message = h2_stream_header(stream, "grpc-message");
	const char *details = h2_stream_header(stream, "grpc-status-details-bin");

	if (!code) {
		grpc_status_set(st, GRPC_INTERNAL, NULL, "the answer ends without a status");
		return;
	}
	st->code = parse_code(code);
	if (message && message[0])
		st->message = grpc_percent_decode(message, GRPC_STATUS_TEXT_MAX);
	if (details && st->code != GRPC_OK)
		take_details(st, details);
}

/* ---- outcomes that are no gRPC status ---- */

void grpc_status_from_http(struct grpc_status *st, const char *http, const char *type)
{
	static const struct {
		char http[4];
		int code;
	} codes[] = { { "400", GRPC_INTERNAL }, { "401", GRPC_UNAUTHENTICATED },
		{ "403", GRPC_PERMISSION_DENIED }, { "404", GRPC_UNIMPLEMENTED },
		{ "429", GRPC_UNAVAILABLE }, { "502", GRPC_UNAVAILABLE },
		{ "503", GRPC_UNAVAILABLE }, { "504", GRPC_UNAVAILABLE } };
	int code = GRPC_UNKNOWN;

	for (size_t i = 0; http && i < ARRAY_SIZE(codes); i++)
		if (strcmp(http, codes[i].http) == 0)
			code = codes[i].code;
	grpc_status_set(st, code, NULL,
		"the answer is HTTP %.3s with content type %.100s, not gRPC", http ? http : "?",
		type ? type : "none");
}

void grpc_status_from_reset(struct grpc_status *st, uint32_t error)
{
	static const struct {
		uint32_t error;
		int code;
		const char *text;
	} codes[] = {
		{ H2_REFUSED_STREAM, GRPC_UNAVAILABLE, "the peer refused the stream" },
		{ H2_CANCEL, GRPC_CANCELLED, "the peer cancelled the stream" },
		{ H2_ENHANCE_YOUR_CALM, GRPC_RESOURCE_EXHAUSTED, "the peer asks for calm" },
		{ H2_INADEQUATE_SECURITY, GRPC_PERMISSION_DENIED,
			"the peer wants better security" },
	};

	grpc_status_set(st, GRPC_INTERNAL, NULL, "the stream was reset with HTTP/2 error %u",
		(unsigned)error);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].error == error)
			grpc_status_set(st, codes[i].code, NULL, "%s", codes[i].text);
	st->unprocessed = error == H2_REFUSED_STREAM;
	st->transport = true;
}

void grpc_status_from_loss(struct grpc_status *st)
{
	grpc_status_set(st, GRPC_UNAVAILABLE, NULL, "the connection was lost");
	st->transport = true;
}

/* ---- details, out ---- */

/* What one status can have: its messages point into the status and into each other. */
struct details {
	Google__Rpc__ErrorInfo__MetadataEntry entries[GRPC_METADATA_MAX];
	Google__Rpc__ErrorInfo__MetadataEntry *entry_list[GRPC_METADATA_MAX];
	Google__Rpc__BadRequest__FieldViolation violations[GRPC_VIOLATIONS_MAX];
	Google__Rpc__BadRequest__FieldViolation *violation_list[GRPC_VIOLATIONS_MAX];
	Google__Protobuf__Any any[3];
	Google__Protobuf__Any *any_list[3];
	size_t n;
};

static char *or_empty(char *s)
{
	return s ? s : (char *)"";
}

static int put_detail(struct details *d, const char *type_url, const ProtobufCMessage *m)
{
	Google__Protobuf__Any *any = &d->any[d->n];
	size_t n = protobuf_c_message_get_packed_size(m);

	google__protobuf__any__init(any);
	any->type_url = (char *)type_url;
	any->value.data = malloc(n ? n : 1);
	if (!any->value.data)
		return -ENOMEM;
	any->value.len = protobuf_c_message_pack(m, any->value.data);
	d->any_list[d->n] = any;
	d->n++;
	return 0;
}

static int put_error_info(struct details *d, const struct grpc_status *st)
{
	Google__Rpc__ErrorInfo m = GOOGLE__RPC__ERROR_INFO__INIT;

	for (size_t i = 0; i < st->n_metadata; i++) {
		google__rpc__error_info__metadata_entry__init(&d->entries[i]);
		d->entries[i].key = st->metadata[i].key;
		d->entries[i].value = st->metadata[i].value;
		d->entry_list[i] = &d->entries[i];
	}
	m.reason = st->reason;
	m.domain = (char *)GRPC_DOMAIN;
	m.n_metadata = st->n_metadata;
	m.metadata = d->entry_list;
	return put_detail(d, TYPE_PREFIX "google.rpc.ErrorInfo", &m.base);
}

static int put_retry_info(struct details *d, const struct grpc_status *st)
{
	Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
	Google__Rpc__RetryInfo m = GOOGLE__RPC__RETRY_INFO__INIT;

	delay.seconds = (int64_t)(st->retry_delay_usec / USEC_PER_SEC);
	delay.nanos = (int32_t)(st->retry_delay_usec % USEC_PER_SEC * 1000);
	m.retry_delay = &delay;
	return put_detail(d, TYPE_PREFIX "google.rpc.RetryInfo", &m.base);
}

static int put_bad_request(struct details *d, const struct grpc_status *st)
{
	Google__Rpc__BadRequest m = GOOGLE__RPC__BAD_REQUEST__INIT;

	for (size_t i = 0; i < st->n_violations; i++) {
		google__rpc__bad_request__field_violation__init(&d->violations[i]);
		d->violations[i].field = st->violations[i].field;
		d->violations[i].description = st->violations[i].description;
		d->violation_list[i] = &d->violations[i];
	}
	m.n_field_violations = st->n_violations;
	m.field_violations = d->violation_list;
	return put_detail(d, TYPE_PREFIX "google.rpc.BadRequest", &m.base);
}

static int pack_status(const struct details *d, const struct grpc_status *st, char **ret)
{
	char message[DETAIL_TEXT_MAX + 1];
	Google__Rpc__Status m = GOOGLE__RPC__STATUS__INIT;
	uint8_t *data;

	snprintf(message, sizeof(message), "%s", or_empty(st->message));
	m.code = st->code;
	m.message = message;
	m.n_details = d->n;
	m.details = (Google__Protobuf__Any **)d->any_list;
	data = malloc(google__rpc__status__get_packed_size(&m));
	if (!data)
		return -ENOMEM;
	*ret = grpc_base64_encode(data, google__rpc__status__pack(&m, data));
	free(data);
	return *ret ? 0 : -ENOMEM;
}

static int encode_details(const struct grpc_status *st, char **ret)
{
	struct details d;
	int r = 0;

	d.n = 0;
	if (st->reason)
		r = put_error_info(&d, st);
	if (!r && st->has_retry_delay)
		r = put_retry_info(&d, st);
	if (!r && st->n_violations)
		r = put_bad_request(&d, st);
	if (!r)
		r = pack_status(&d, st, ret);
	for (size_t i = 0; i < d.n; i++)
		free(d.any[i].value.data);
	return r;
}

/* Details that would not fit the peer's header list are cut down to the reason and the delay. */
static int make_details(struct grpc_trailers *t, const struct grpc_status *st)
{
	struct grpc_status less = *st;
	int r;

	if (!st->reason && !st->has_retry_delay && !st->n_violations)
		return 0;
	r = encode_details(st, &t->details);
	if (r || strlen(t->details) <= GRPC_DETAILS_TEXT_MAX)
		return r;
	free(TAKE(t->details));
	less.n_metadata = 0;
	less.n_violations = 0;
	return encode_details(&less, &t->details);
}

static void add_trailer(struct grpc_trailers *t, const char *name, const char *value)
{
	t->headers[t->n++] = (struct h2_header){ name, value };
}

int grpc_trailers_make(struct grpc_trailers *t, const struct grpc_status *st)
{
	int r = make_details(t, st);

	if (!r && st->message) {
		/* three bytes for one at worst: a quarter keeps the list under its limit */
		t->message = grpc_percent_encode(st->message, GRPC_STATUS_TEXT_MAX / 4);
		if (!t->message)
			r = -ENOMEM;
	}
	if (r) {
		grpc_trailers_done(t);
		return r;
	}
	snprintf(t->code, sizeof(t->code), "%d", st->code);
	add_trailer(t, "grpc-status", t->code);
	if (t->message)
		add_trailer(t, "grpc-message", t->message);
	if (t->details)
		add_trailer(t, "grpc-status-details-bin", t->details);
	return 0;
}

void grpc_trailers_done(struct grpc_trailers *t)
{
	free(t->message);
	free(t->details);
	memset(t, 0, sizeof(*t));
}

#include "daemon/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "daemon/pool.h"

void outcome_set(struct outcome *o, const char *code, const char *reason, const char *fmt, ...)
{
	char raw[OUTCOME_MESSAGE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	*o = (struct outcome){ .reason = reason };
	text_encode(o->message, sizeof(o->message), raw, n < 0 ? 0 : strnlen(raw, sizeof(raw)));
	o->error.code = code;
	o->error.message = o->message;
}

static void add_details(struct outcome *o, const struct grpc_status *st)
{
	o->error.status = grpc_code_name(st->code);
	o->error.status_code = st->code;
	o->error.reason = st->reason;
	o->error.detail = st->message ? st->message : "";
	o->error.has_retry_after = st->has_retry_delay;
	o->error.retry_after_ms = st->retry_delay_usec / USEC_PER_MSEC;
	for (size_t i = 0; i < st->n_violations; i++)
		o->violations[i] = (struct request_violation){ .field = st->violations[i].field,
			.description = st->violations[i].description };
	o->error.violations = o->violations;
	o->error.n_violations = st->n_violations;
}

static bool is_missing(const struct grpc_status *st)
{
	if (st->reason)
		return strcmp(st->reason, "CWSANDBOX_SANDBOX_NOT_FOUND") == 0;
	return st->code == GRPC_NOT_FOUND;
}

/* A sandbox that ends takes its streams along: the service cancels them. */
static bool is_ended(const struct grpc_status *st)
{
	return st->code == GRPC_CANCELLED && !st->transport;
}

/* What the service said. */
static void of_service(struct outcome *o, const struct grpc_status *st, const char *sandbox_id)
{
	const char *said = st->message && *st->message ? st->message : "no words";

	if (is_missing(st) && sandbox_id)
		outcome_set(o, "service", "sandbox_gone", "Sandbox '%s' not found", sandbox_id);
	else if (is_ended(st) && sandbox_id)
		outcome_set(o, "service", "sandbox_gone", "Sandbox '%s' has ended.", sandbox_id);
	else if (st->code == GRPC_UNAUTHENTICATED)
		outcome_set(o, "service", "key_rejected",
			"The service rejected the key: %s. Set the right one and try again.", said);
	else
		outcome_set(o, "service", "refused", "The service answered %s: %s",
			grpc_code_name(st->code), said);
	o->error.sandbox_id = sandbox_id;
	add_details(o, st);
}

/* Bytes of a sentence without its full stop. */
static int without_stop(const char *said)
{
	size_t n = strlen(said);

	return (int)(n && said[n - 1] == '.' ? n - 1 : n);
}

/* What we found ourselves; false: it is told as the service's words are. */
static bool of_transport(
	struct outcome *o, const struct grpc_status *st, const char *url, bool started)
{
	const char *said = st->message && *st->message ? st->message : "no reason known";

	if (st->reason && strcmp(st->reason, POOL_NO_KEY) == 0) {
		outcome_set(o, "no_key", "no_key", "%s", said);
		o->error.url = url;
	} else if (st->reason && strcmp(st->reason, POOL_NO_STREAM) == 0) {
		outcome_set(o, "timeout", "timeout", "%s", said);
	} else if (st->code == GRPC_DEADLINE_EXCEEDED) {
		outcome_set(
			o, "timeout", "timeout", "The service at %s gave no answer in time.", url);
	} else if (st->code == GRPC_CANCELLED && !started) { /* else the peer reset the stream */
		outcome_set(o, "cancelled", "shutdown", "%s", said);
	} else if (st->code == GRPC_UNAVAILABLE) {
		outcome_set(o, "unreachable", started ? "lost" : "unreachable",
			started ? "The connection to %s was lost: %.*s."
				: "The service at %s cannot be reached: %.*s.",
			url, without_stop(said), said);
		o->error.url = url;
	} else {
		return false;
	}
	return true;
}

void outcome_of_status(struct outcome *o, const struct grpc_status *st, const char *url,
	const char *sandbox_id, bool started)
{
	if (st->transport && of_transport(o, st, url, started))
		return;
	of_service(o, st, sandbox_id);
	if (st->transport && started)
		o->reason = "lost";
}

void outcome_of_end(
	struct outcome *o, const char *sandbox_id, const char *state, const char *state_reason)
{
	outcome_set(o, "sandbox_gone", "sandbox_gone", "Sandbox %s has been stopped (%s%s%s)",
		sandbox_id, state, state_reason && *state_reason ? ": " : "",
		state_reason ? state_reason : "");
	o->error.sandbox_id = sandbox_id;
	o->error.reason = state;
}

void outcome_of_frame(struct outcome *o, const char *what, const char *code, const char *message)
{
	static const struct {
		const char *code, *reason, *says;
	} known[] = {
		{ "STREAM_BACKPRESSURE", "backpressure",
			"the service ended the stream because its output was not taken fast "
			"enough" },
		{ "STREAM_TRUNCATED", "truncated",
			"the program ended, and the service lost part of its output" },
	};
	const char *reason = "refused", *says = message;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(code, known[i].code) == 0) {
			reason = known[i].reason;
			says = *message ? message : known[i].says;
		}
	outcome_set(o, "service", reason, "%s stream error: %s", what, says);
	o->error.status = grpc_code_name(GRPC_UNKNOWN);
	o->error.status_code = GRPC_UNKNOWN;
	o->error.reason = *code ? code : NULL;
	o->error.detail = message;
}

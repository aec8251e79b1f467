#include "client/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "common/util.h"

#define PART_MAX (ERRORS_TEXT_MAX / 2)

/* Two lists of ErrorInfo reasons, without their prefix CWSANDBOX_. */
static const char *const unavailable_reasons[] = { "RUNNER_UNAVAILABLE", "BACKEND_UNAVAILABLE",
	"RUNNER_SHARD_RETIRING", NULL };
static const char *const file_reasons[] = { "FILE_NOT_FOUND", "FILE_IS_DIRECTORY", "FILE_IO_FAILED",
	"FILE_PERMISSION_DENIED", "FILE_TOO_LARGE", "FILE_TRUNCATED", NULL };
static const char *const throttled_reasons[] = { "FSS_BACKEND_THROTTLED", "FSS_INFLIGHT_LIMIT",
	NULL };

/* The reason without its prefix, "" if there is none. */
static const char *bare_reason(const struct cwsandbox_error *e)
{
	static const char prefix[] = "CWSANDBOX_";

	if (!e->reason || strncmp(e->reason, prefix, strlen(prefix)) != 0)
		return "";
	return e->reason + strlen(prefix);
}

const char *error_before(const char *name)
{
	return name[0] == '-' ? "-- " : "";
}

static bool is_one_of(const char *reason, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(reason, *list) == 0)
			return true;
	return false;
}

static bool is_status(const struct cwsandbox_error *e, const char *status)
{
	return e->status && strcmp(e->status, status) == 0;
}

bool error_is_missing(const struct cwsandbox_error *e)
{
	if (strcmp(e->code, "sandbox_gone") == 0)
		return e->reason &&
		       (strstr(e->reason, "not_found") || strstr(e->reason, "NOT_FOUND"));
	return strcmp(e->code, "service") == 0 &&
	       (strcmp(bare_reason(e), "SANDBOX_NOT_FOUND") == 0 || is_status(e, "NOT_FOUND")) &&
	       !is_one_of(bare_reason(e), file_reasons);
}

static const char *or_none(const char *s)
{
	return s ? s : "";
}

struct writer {
	char *at;
	size_t left;
};

static void say(struct writer *w, const char *fmt, ...) _printf_(2, 3);
static void say(struct writer *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->at, w->left, fmt, ap);
	va_end(ap);
	if (n > 0) {
		size_t k = min_size((size_t)n, w->left - 1);

		w->at += k;
		w->left -= k;
	}
}

static void say_violations(struct writer *w, const char *operation, const char *detail,
	const struct cwsandbox_error *e)
{
	say(w, "%s failed: %s; field violations: ", operation, detail);
	for (size_t i = 0; i < e->n_violations; i++)
		say(w, "%s%s: %s", i ? "; " : "", or_none(e->violations[i].field),
			or_none(e->violations[i].description));
}

/* By the ErrorInfo reason; false if it decides nothing. */
static bool say_reason(struct writer *w, const char *operation, const char *detail,
	const struct cwsandbox_error *e, const struct error_context *x)
{
	const char *reason = bare_reason(e);

	if (is_one_of(reason, file_reasons))
		say(w, "File operation failed (%s): %s", e->reason, detail);
	else if (strcmp(reason, "FSS_NOT_FOUND") == 0)
		say(w, "%s failed (%s): %s", operation, e->reason, detail);
	else if (error_is_missing(e) && x->snapshot_id)
		say(w, "File-system snapshot '%s' not found", x->snapshot_id);
	else if (error_is_missing(e))
		say(w, "Sandbox '%s' not found",
			or_none(x->sandbox_id ? x->sandbox_id : e->sandbox_id));
	else if (strcmp(reason, "COMMAND_TIMEOUT") == 0 || strcmp(reason, "FSS_WAIT_TIMEOUT") == 0)
		say(w, "%s timed out: %s", operation, detail);
	else if (is_one_of(reason, unavailable_reasons))
		say(w, "Service unavailable: %s", detail);
	else if (is_one_of(reason, throttled_reasons))
		say(w, "Snapshot backend throttled (%s): %s", e->reason, detail);
	else if (strncmp(reason, "FSS_", 4) == 0 || strncmp(reason, "VOLUME_", 7) == 0)
		say(w, "%s failed (%s): %s", operation, e->reason, detail);
	else
		return false;
	return true;
}

static void say_timeout(
	struct writer *w, const char *operation, const char *detail, const struct error_context *x)
{
	char number[32];

	if (!x->command) {
		say(w, "%s timed out: %s", operation, detail);
		return;
	}
	snprintf(number, sizeof(number), "%.15g", x->timeout_s);
	say(w, "Command %s timed out after %s%ss", x->command, number,
		strpbrk(number, ".en") ? "" : ".0");
}

/* By the gRPC code. */
static void say_status(struct writer *w, const char *operation, const char *detail,
	const struct cwsandbox_error *e, const struct error_context *x)
{
	if (is_status(e, "CANCELLED"))
		say(w, "%s was cancelled (sandbox %s connection closed)", operation,
			or_none(x->sandbox_id ? x->sandbox_id : e->sandbox_id));
	else if (is_status(e, "DEADLINE_EXCEEDED"))
		say_timeout(w, operation, detail, x);
	else if (is_status(e, "UNAVAILABLE"))
		say(w, "Service unavailable: %s", detail);
	else if (is_status(e, "RESOURCE_EXHAUSTED"))
		say(w, "%s resource exhausted: %s", operation, detail);
	else if (is_status(e, "INVALID_ARGUMENT") && e->n_violations)
		say_violations(w, operation, detail, e);
	else if (is_status(e, "UNAUTHENTICATED"))
		say(w, "Authentication failed: %s", detail);
	else if (is_status(e, "PERMISSION_DENIED"))
		say(w, "Permission denied: %s", detail);
	else
		say(w, "%s failed: %s", operation, detail);
}

/* Told inside a stream, in the words of the official client already. */
static bool is_in_band(const struct cwsandbox_error *e)
{
	return strncmp(e->message, "Exec stream error: ", 19) == 0 ||
	       strncmp(e->message, "Log stream error: ", 18) == 0;
}

static void say_service(
	struct writer *w, const struct cwsandbox_error *e, const struct error_context *x)
{
	const char *operation = x->operation ? x->operation : "The request";
	const char *detail = e->detail ? e->detail : e->message;

	if (is_in_band(e))
		say(w, "%s", e->message);
	else if (!say_reason(w, operation, detail, e, x))
		say_status(w, operation, detail, e, x);
}

/* What has no official words: ours, with the names the user knows. */
static bool say_ours(
	struct writer *w, const struct cwsandbox_error *e, const struct error_context *x)
{
	if (strcmp(e->code, "no_such_session") == 0 && x->session)
		say(w, "There is no session '%s'; `cwsandbox sessions` lists those there are",
			x->session);
	else if (strcmp(e->code, "no_such_session") == 0)
		say(w, "There is no running session; `cwsandbox new` starts one");
	else if (strcmp(e->code, "name_taken") == 0 && x->session)
		say(w, "There is a session '%s' already; choose another name", x->session);
	else if (strcmp(e->code, "bad_params") == 0 && e->field)
		say(w, "%s is missing, of the wrong form or out of range", e->field);
	else if (strcmp(e->code, "exclusive") == 0 && e->holder)
		say(w,
			"%s (pid %lld) holds the input lease: it alone may type; `cwsandbox attach "
			"-x %s%s` detaches it",
			*e->holder ? e->holder : "Another terminal", (long long)e->holder_pid,
			x->session ? error_before(x->session) : "",
			x->session ? x->session : "NAME");
	else
		return false;
	return true;
}

const char *error_text(char buf[ERRORS_TEXT_MAX], const struct cwsandbox_error *e,
	const struct error_context *context)
{
	static const struct error_context none = { .operation = NULL };
	const struct error_context *x = context ? context : &none;
	char raw[PART_MAX] = "";
	struct writer w = { raw, sizeof(raw) };

	if (say_ours(&w, e, x))
		;
	else if (strcmp(e->code, "service") == 0)
		say_service(&w, e, x);
	else if (error_is_missing(e))
		say(&w, "Sandbox '%s' not found",
			or_none(e->sandbox_id ? e->sandbox_id : x->sandbox_id));
	else if (strcmp(e->code, "sandbox_gone") == 0 && x->operation &&
		 strcmp(x->operation, "Create sandbox") == 0)
		say(&w, "%s", e->message); /* why it did not start */
	else if (strcmp(e->code, "sandbox_gone") == 0)
		say(&w, "Sandbox %s has been stopped",
			or_none(e->sandbox_id ? e->sandbox_id : x->sandbox_id));
	else if (strcmp(e->code, "timeout") == 0 && x->operation)
		say_timeout(&w, x->operation, e->message, x);
	else if (strcmp(e->code, "unreachable") == 0)
		say(&w, "Service unavailable: %s", e->message);
	else
		say(&w, "%s", *e->message ? e->message : e->code);
	return text_encode(buf, ERRORS_TEXT_MAX, raw, strlen(raw));
}

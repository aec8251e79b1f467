#include "tests/suite.h"

#include <string.h>

#include "daemon/outcome.h"
#include "daemon/pool.h"

static struct outcome o;

static void of(const struct grpc_status *st, bool started)
{
	outcome_of_status(&o, st, "https://api.example.com", "sb-1", started);
}

START_TEST(what_the_service_said_goes_along_whole)
{
	struct grpc_status st = { 0 };

	grpc_status_set(
		&st, GRPC_INVALID_ARGUMENT, "CWSANDBOX_INVALID_REQUEST", "bad \x1b[31mimage");
	grpc_status_add_violation(&st, "spec.image", "too long");
	st.has_retry_delay = true;
	st.retry_delay_usec = 1500000;
	of(&st, true);
	ck_assert_str_eq(o.error.code, "service");
	ck_assert_str_eq(o.error.status, "INVALID_ARGUMENT");
	ck_assert_int_eq(o.error.status_code, 3);
	ck_assert_str_eq(o.error.reason, "CWSANDBOX_INVALID_REQUEST");
	ck_assert_str_eq(o.error.detail, "bad \x1b[31mimage");
	ck_assert_ptr_null(strchr(o.error.message, '\x1b'));
	ck_assert_uint_eq(o.error.n_violations, 1);
	ck_assert_str_eq(o.error.violations[0].field, "spec.image");
	ck_assert(o.error.has_retry_after);
	ck_assert_uint_eq(o.error.retry_after_ms, 1500);
	ck_assert_str_eq(o.reason, "refused");
	grpc_status_done(&st);
}
END_TEST

START_TEST(a_missing_sandbox_is_told_from_a_missing_file)
{
	struct grpc_status st = { 0 };

	grpc_status_set(&st, GRPC_NOT_FOUND, NULL, "gone");
	of(&st, false);
	ck_assert_str_eq(o.reason, "sandbox_gone");
	ck_assert_str_eq(o.error.message, "Sandbox 'sb-1' not found");
	grpc_status_set(&st, GRPC_NOT_FOUND, "CWSANDBOX_FILE_NOT_FOUND", "no such file");
	of(&st, false);
	ck_assert_str_eq(o.reason, "refused");
	ck_assert_str_eq(o.error.reason, "CWSANDBOX_FILE_NOT_FOUND");
	grpc_status_done(&st);
}
END_TEST

START_TEST(a_stream_cancelled_by_the_service_says_that_the_sandbox_has_ended)
{
	struct grpc_status st = { 0 };

	grpc_status_set(&st, GRPC_CANCELLED, NULL, "the sandbox ended");
	of(&st, true);
	ck_assert_str_eq(o.reason, "sandbox_gone");
	ck_assert_str_eq(o.error.code, "service");
	ck_assert_str_eq(o.error.status, "CANCELLED");
	ck_assert_str_eq(o.error.message, "Sandbox 'sb-1' has ended.");
	st.transport = true; /* a reset: the stream was lost, of the sandbox nothing is known */
	of(&st, true);
	ck_assert_str_eq(o.reason, "lost");
	of(&st, false); /* our own, before it had begun: the daemon goes */
	ck_assert_str_eq(o.error.code, "cancelled");
	ck_assert_str_eq(o.reason, "shutdown");
	grpc_status_done(&st);
}
END_TEST

START_TEST(a_transport_that_breaks_is_a_loss_only_after_the_start)
{
	struct grpc_status st = { 0 };

	grpc_status_set(&st, GRPC_UNAVAILABLE, NULL, "Connection reset by peer");
	st.transport = true;
	of(&st, false);
	ck_assert_str_eq(o.error.code, "unreachable");
	ck_assert_str_eq(o.error.url, "https://api.example.com");
	ck_assert_str_eq(o.reason, "unreachable");
	ck_assert_str_eq(o.error.message, "The service at https://api.example.com cannot be "
					  "reached: Connection reset by peer.");
	of(&st, true);
	ck_assert_str_eq(o.error.code, "unreachable");
	ck_assert_str_eq(o.reason, "lost");
	grpc_status_set(&st, GRPC_UNAVAILABLE, NULL, "There is no home folder."); /* a sentence */
	st.transport = true;
	of(&st, false);
	ck_assert_str_eq(o.error.message, "The service at https://api.example.com cannot be "
					  "reached: There is no home folder.");
	st.transport = false; /* the service's own word for being unavailable is no loss */
	of(&st, true);
	ck_assert_str_eq(o.error.code, "service");
	ck_assert_str_eq(o.reason, "refused");
	grpc_status_done(&st);
}
END_TEST

START_TEST(what_we_ended_ourselves_has_codes_of_our_own)
{
	struct grpc_status st = { 0 };

	grpc_status_set(&st, GRPC_DEADLINE_EXCEEDED, NULL, "Deadline Exceeded");
	of(&st, true);
	ck_assert_str_eq(o.error.code, "service");
	st.transport = true;
	of(&st, true);
	ck_assert_str_eq(o.error.code, "timeout");
	grpc_status_set(&st, GRPC_FAILED_PRECONDITION, POOL_NO_KEY, "The key file is empty.");
	st.transport = true;
	of(&st, false);
	ck_assert_str_eq(o.error.code, "no_key");
	ck_assert_str_eq(o.error.message, "The key file is empty.");
	grpc_status_done(&st);
}
END_TEST

START_TEST(error_frames_of_a_stream_have_their_reasons)
{
	outcome_of_frame(&o, "Exec", "STREAM_BACKPRESSURE", "");
	ck_assert_str_eq(o.reason, "backpressure");
	ck_assert_str_eq(o.error.reason, "STREAM_BACKPRESSURE");
	outcome_of_frame(&o, "Exec", "STREAM_TRUNCATED", "short");
	ck_assert_str_eq(o.reason, "truncated");
	ck_assert_str_eq(o.error.message, "Exec stream error: short");
	outcome_of_frame(&o, "Exec", "STDIN_CLOSE_GRACE_EXPIRED", "too late");
	ck_assert_str_eq(o.reason, "refused");
	ck_assert_str_eq(o.error.detail, "too late");
}
END_TEST

START_TEST(an_ended_sandbox_is_named_with_its_state)
{
	outcome_of_end(&o, "sb-1", "failed", "image pull\nfailed");
	ck_assert_str_eq(o.error.code, "sandbox_gone");
	ck_assert_str_eq(
		o.error.message, "Sandbox sb-1 has been stopped (failed: image pull\\nfailed)");
	outcome_of_end(&o, "sb-1", "completed", "");
	ck_assert_str_eq(o.error.message, "Sandbox sb-1 has been stopped (completed)");
}
END_TEST

TEST_MAIN("outcome", what_the_service_said_goes_along_whole,
	a_missing_sandbox_is_told_from_a_missing_file,
	a_stream_cancelled_by_the_service_says_that_the_sandbox_has_ended,
	a_transport_that_breaks_is_a_loss_only_after_the_start,
	what_we_ended_ourselves_has_codes_of_our_own, error_frames_of_a_stream_have_their_reasons,
	an_ended_sandbox_is_named_with_its_state)

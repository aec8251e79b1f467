#include "tests/suite.h"

#include <string.h>

#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "local/request.h"

#define CREATE (&coreweave__sandbox__v1__create_sandbox_request__descriptor)
#define GET (&coreweave__sandbox__v1__get_sandbox_request__descriptor)
#define WRITE (&coreweave__sandbox__v1__write_file_request__descriptor)

/* Whether n bytes are such a request. */
static bool taken(const ProtobufCMessageDescriptor *type, const void *data, size_t n)
{
	ProtobufCMessage *m = request_unpack(type, data, n);

	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
	return m != NULL;
}

/* sandbox.spec.containers[0].environment_variables, of 6 bytes */
#define IN_CONTAINER "\x0a\x0c\x12\x0a\x0a\x08\x2a\x06"

#define TAKEN(type, bytes) taken(type, bytes, sizeof(bytes) - 1)

START_TEST(text_is_taken_as_it_is)
{
	Coreweave__Sandbox__V1__GetSandboxRequest *m;

	m = request_unpack(GET, (const uint8_t *)"\x0a\x08gr\xc3\xbc\xc3\x9f\x0a\x01", 10);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->sandbox_id, "gr\xc3\xbc\xc3\x9f\n\x01");
	coreweave__sandbox__v1__get_sandbox_request__free_unpacked(m, NULL);
	ck_assert(TAKEN(GET, ""));
}
END_TEST

START_TEST(text_with_a_nul_is_refused)
{
	ck_assert(TAKEN(GET, "\x0a\x02xy"));
	ck_assert(!TAKEN(GET, "\x0a\x02x\0"));
	ck_assert(!TAKEN(GET, "\x0a\x02\0y"));
}
END_TEST

START_TEST(text_that_is_no_utf_8_is_refused)
{
	ck_assert(!TAKEN(GET, "\x0a\x01\xff"));
	ck_assert(!TAKEN(GET, "\x0a\x02\xc0\x80"));     /* a NUL in two bytes */
	ck_assert(!TAKEN(GET, "\x0a\x03\xed\xa0\x80")); /* half of a pair */
	ck_assert(!TAKEN(GET, "\x0a\x01\xc3"));         /* cut */
}
END_TEST

START_TEST(bytes_may_hold_anything)
{
	ck_assert(TAKEN(WRITE, "\x12\x02/f\x1a\x03\0\xff\xc0"));
	ck_assert(!TAKEN(WRITE, "\x12\x02/\0\x1a\x03\0\xff\xc0"));
}
END_TEST

START_TEST(text_is_looked_at_in_the_messages_within_and_in_maps)
{
	ck_assert(TAKEN(CREATE, IN_CONTAINER "\x0a\x01"
					     "A"
					     "\x12\x01"
					     "b"));
	ck_assert(!TAKEN(CREATE, IN_CONTAINER "\x0a\x01\0\x12\x01"
					      "b"));
	ck_assert(!TAKEN(CREATE, IN_CONTAINER "\x0a\x01"
					      "A"
					      "\x12\x01\0"));
}
END_TEST

START_TEST(fields_nobody_knows_are_passed_over)
{
	ck_assert(TAKEN(GET, "\x78\x01\x7a\x02\0\xff\x7d\1\2\3\4\x79\1\2\3\4\5\6\7\x08\x0a\x01x"));
	ck_assert(!TAKEN(GET, "\x7b\x7c")); /* a group */
}
END_TEST

START_TEST(lengths_and_numbers_that_lie_are_refused)
{
	ck_assert(!TAKEN(GET, "\x0a\x02x"));
	ck_assert(!TAKEN(GET, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	ck_assert(!TAKEN(GET, "\x0a"));
	ck_assert(!TAKEN(GET, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	ck_assert(!TAKEN(GET, "\x79\1\2\3"));
	ck_assert(!TAKEN(GET, "\x7d\1"));
}
END_TEST

TEST_MAIN("local request", text_is_taken_as_it_is, text_with_a_nul_is_refused,
	text_that_is_no_utf_8_is_refused, bytes_may_hold_anything,
	text_is_looked_at_in_the_messages_within_and_in_maps, fields_nobody_knows_are_passed_over,
	lengths_and_numbers_that_lie_are_refused)

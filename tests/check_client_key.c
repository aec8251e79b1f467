/* A key that a client's hello brings: none of our own memory holds it once it was handed on. */
#include <string.h>

#include "tests/client_world.h"

static const char key[] = "canary-of-a-key-of-forty-eight-characters-or-so!";
static const void *watched; /* memory that held the key, ... */
static size_t n_watched;    /* ... in so many bytes at most */
static bool leaked;         /* it was given back like that */
static size_t n_wiped;      /* copies of the key, and nothing else */

static bool has_key(const void *p, size_t n)
{
	return memmem(p, n, key, strlen(key)) != NULL;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	leaked = leaked || (p && p == watched && has_key(p, n_watched));
	__real_free(p);
}

void __real_explicit_bzero(void *p, size_t n);
void __wrap_explicit_bzero(void *p, size_t n);
void __wrap_explicit_bzero(void *p, size_t n)
{
	n_wiped += n == strlen(key) && has_key(p, n); /* all of it was written */
	__real_explicit_bzero(p, n);
}

/* What it is called where the compiler knows the size. */
void __wrap___explicit_bzero_chk(void *p, size_t n, size_t has);
void __wrap___explicit_bzero_chk(void *p, size_t n, size_t has)
{
	ck_assert_uint_le(n, has);
	__wrap_explicit_bzero(p, n);
}

static void put_hello(struct peer *p)
{
	peer_begin(p, "hello", 4);
	frame_put_u64(&p->out, "min", 1);
	frame_put_u64(&p->out, "max", 1);
	frame_put_str(&p->out, "key", key);
	frame_put_str(&p->out, "client", "after the key");
}

START_TEST(sec_c08_the_copy_of_a_key_is_wiped_when_the_endpoint_has_it)
{
	start();
	ck_assert_int_eq(peer_init(&a, &fake, false), 0);
	put_hello(&a);
	n_wiped = 0;
	peer_result(&a, peer_send(&a));
	ck_assert_str_eq(fake.last_key, key);
	ck_assert_uint_eq(n_wiped, 1); /* the frame was never kept: there is no other */
	peer_done(&a);
	fake_done(&fake);
}
END_TEST

START_TEST(sec_c08_a_key_that_came_in_drips_stays_nowhere)
{
	const uint8_t *frame;
	uint8_t *data;
	size_t n;

	start();
	ck_assert_int_eq(peer_init(&a, &fake, false), 0);
	put_hello(&a);
	ck_assert_int_eq(frame_finish(&a.out, &frame, &n), 0);
	data = malloc(n);
	ck_assert_ptr_nonnull(data);
	memcpy(data, frame, n);
	memset((uint8_t *)(uintptr_t)frame, 0, n); /* the test's own copies do not count */
	leaked = false;
	peer_feed(&a, data, n - 1);
	watched = a.client->in.data;
	n_watched = bytes_n(&a.client->in);
	ck_assert(has_key(watched, n_watched));
	ck_assert_int_eq(bytes_reserve(&a.client->in, 4 * a.client->in.cap), 0); /* it moves */
	ck_assert_ptr_ne(a.client->in.data, watched);
	ck_assert(!leaked);
	watched = a.client->in.data;
	peer_feed(&a, data + n - 1, 1);
	memset(data, 0, n);
	fake_turn(&fake);
	ck_assert_str_eq(fake.last_key, key);
	ck_assert_ptr_eq(a.client->in.data, watched); /* kept for the next frame */
	ck_assert(!has_key(watched, n_watched));
	peer_done(&a);
	ck_assert(!leaked);
	free(data);
	fake_done(&fake);
}
END_TEST

TEST_MAIN("client_key", sec_c08_the_copy_of_a_key_is_wiped_when_the_endpoint_has_it,
	sec_c08_a_key_that_came_in_drips_stays_nowhere)

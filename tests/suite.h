/*
 * suite - the main() of a unit test program: one suite, one case, the tests named
 *
 * TEST_MAIN("name", test, ...) runs them with libcheck; CK_FORK=no and CK_RUN_CASE work as usual.
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* How often a long loop runs: n times, or a 16th of it under TEST_LIGHT=1 (where a step costs many times as much). */
static inline size_t suite_times(size_t n)
{
	return getenv("TEST_LIGHT") ? n / 16 + 1 : n;
}

static inline int suite_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TEST_MAIN(name, ...)                                                            \
	int main(void)                                                                  \
	{                                                                               \
		const TTest *const tests[] = { __VA_ARGS__ };                           \
                                                                                        \
		return suite_run(name, tests, sizeof(tests) / sizeof(tests[0]));        \
	}

#endif

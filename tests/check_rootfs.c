#include "tests/suite.h"

#include <string.h>

#include "local/rootfs.h"

static void parse(const char *arg, const char *image, const char *source)
{
	struct rootfs_arg r;

	rootfs_parse(arg, &r);
	ck_assert_uint_eq(r.n_image, strlen(image));
	ck_assert(!r.n_image || !strncmp(r.image, image, r.n_image));
	ck_assert_str_eq(r.source, source);
}

START_TEST(an_image_s_name_stands_before_the_first_equals_sign_and_a_path_is_none)
{
	parse("python:3.11=/srv/py", "python:3.11", "/srv/py");
	parse("ghcr.io/a/b@sha256:0=x=y", "ghcr.io/a/b@sha256:0", "x=y");
	parse("/srv/a=b", "", "/srv/a=b");
	parse("./a=b", "", "./a=b");
	parse("image.tar", "", "image.tar");
	parse("=x", "", "x");
	parse("x=", "x", "");
}
END_TEST

START_TEST(an_image_is_found_by_its_name_and_any_other_takes_the_default)
{
	struct rootfs_set set = { .v = { { .image = (char *)"debian" },
					  { .image = (char *)"a:latest" },
					  { .image = (char *)"b:1" } },
		.n = 3 };

	ck_assert_ptr_eq(rootfs_find(&set, "debian"), &set.v[0]);
	ck_assert_ptr_eq(rootfs_find(&set, "debian:latest"), &set.v[0]);
	ck_assert_ptr_eq(rootfs_find(&set, "a"), &set.v[1]);
	ck_assert_ptr_eq(rootfs_find(&set, "b:1"), &set.v[2]);
	ck_assert_ptr_null(rootfs_find(&set, "b"));
	ck_assert_ptr_null(rootfs_find(&set, "debian:12"));
	ck_assert_ptr_null(rootfs_find(&set, ""));
	set.v[0].image = (char *)"";
	ck_assert_ptr_eq(rootfs_find(&set, "b"), &set.v[0]);
	ck_assert_ptr_eq(rootfs_find(&set, "b:1"), &set.v[2]);
}
END_TEST

TEST_MAIN("rootfs", an_image_s_name_stands_before_the_first_equals_sign_and_a_path_is_none,
	an_image_is_found_by_its_name_and_any_other_takes_the_default)

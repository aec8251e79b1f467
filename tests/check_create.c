/* The params of sandbox.* become the service's requests, and its answers the protocol's maps. */
#include "tests/suite.h"

#include <string.h>

#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "daemon/create.h"
#include "daemon/describe.h"

static struct frame_out out;
static struct frame frame;
static struct grpc_outbox box;

/* Opens what was put into `out` as a frame. */
static const msgpack_object *opened(void)
{
	const uint8_t *data;
	size_t n, used;

	ck_assert_int_eq(frame_finish(&out, &data, &n), 0);
	ck_assert_int_eq(frame_scan(data, n, &used), 0);
	ck_assert_int_eq(frame_open(&frame, data, used), 0);
	return frame.kind == FRAME_RESPONSE ? frame.result : frame.params;
}

static void close_all(void)
{
	frame_close(&frame);
	frame_out_done(&out);
	grpc_outbox_done(&box);
}

static void put_pair(const char *name, const char *path)
{
	frame_put_map(&out, NULL, 2);
	frame_put_str(&out, "name", name);
	frame_put_str(&out, "path", path);
}

START_TEST(a_create_asks_for_what_its_params_say)
{
	Coreweave__Sandbox__V1__CreateSandboxRequest *m;
	Coreweave__Sandbox__V1__Container *c;

	frame_out_init(&out);
	frame_begin_request(&out, 1, "sandbox.create", 7);
	frame_put_str(&out, "image", "debian:12");
	frame_put_array(&out, "argv", 3);
	frame_add_str(&out, "sh");
	frame_add_str(&out, "-c");
	frame_add_str(&out, "true");
	frame_put_u64(&out, "lifetime_s", 7200);
	frame_put_array(&out, "tags", 2);
	frame_add_str(&out, "a");
	frame_add_str(&out, "b");
	frame_put_map(&out, "env", 1);
	frame_put_str(&out, "K", "v=1");
	frame_put_array(&out, "scratch", 2);
	put_pair("data", "/data");
	put_pair("more", "/more");
	frame_put_str(&out, "request_id", "mine");
	ck_assert_int_eq(create_put(&box, opened()), 0);
	m = coreweave__sandbox__v1__create_sandbox_request__unpack(
		NULL, box.n - GRPC_PREFIX_BYTES, box.data + GRPC_PREFIX_BYTES);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->request_id, "mine");
	ck_assert_int_eq(m->sandbox->spec->max_lifetime_seconds, 7200);
	ck_assert_uint_eq(m->sandbox->spec->n_tags, 2);
	ck_assert_str_eq(m->sandbox->spec->tags[1], "b");
	ck_assert_uint_eq(m->sandbox->spec->n_containers, 1);
	c = m->sandbox->spec->containers[0];
	ck_assert_str_eq(c->name, "main");
	ck_assert_str_eq(c->image, "debian:12");
	ck_assert_str_eq(c->command, "sh");
	ck_assert_uint_eq(c->n_args, 2);
	ck_assert_str_eq(c->args[1], "true");
	ck_assert_str_eq(c->environment_variables[0]->key, "K");
	ck_assert_str_eq(c->environment_variables[0]->value, "v=1");
	ck_assert_uint_eq(m->sandbox->spec->n_volumes, 2);
	ck_assert_int_eq(m->sandbox->spec->volumes[1]->source_case,
		COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_SCRATCH);
	ck_assert_str_eq(c->volume_mounts[1]->volume, "more");
	ck_assert_str_eq(c->volume_mounts[1]->mount_path, "/more");
	coreweave__sandbox__v1__create_sandbox_request__free_unpacked(m, NULL);
	close_all();
}
END_TEST

START_TEST(a_create_without_params_has_the_defaults_and_a_uuid_of_its_own)
{
	char first[37] = "";

	for (int i = 0; i < 2; i++) {
		Coreweave__Sandbox__V1__CreateSandboxRequest *m;

		frame_out_init(&out);
		frame_begin_request(&out, 1, "sandbox.create", 0);
		ck_assert_int_eq(create_put(&box, opened()), 0);
		m = coreweave__sandbox__v1__create_sandbox_request__unpack(
			NULL, box.n - GRPC_PREFIX_BYTES, box.data + GRPC_PREFIX_BYTES);
		ck_assert_str_eq(m->sandbox->spec->containers[0]->image, "python:3.11");
		ck_assert_str_eq(m->sandbox->spec->containers[0]->command, "sleep");
		ck_assert_str_eq(m->sandbox->spec->containers[0]->args[0], "infinity");
		ck_assert_int_eq(m->sandbox->spec->max_lifetime_seconds, 86400);
		ck_assert_uint_eq(strlen(m->request_id), 36);
		ck_assert_int_eq(m->request_id[14], '4');
		ck_assert_str_ne(m->request_id, first);
		memcpy(first, m->request_id, 37);
		coreweave__sandbox__v1__create_sandbox_request__free_unpacked(m, NULL);
		close_all();
	}
}
END_TEST

START_TEST(a_list_asks_for_a_page_and_a_state_that_exists)
{
	Coreweave__Sandbox__V1__ListSandboxesRequest *m;

	frame_out_init(&out);
	frame_begin_request(&out, 1, "sandbox.list", 3);
	frame_put_str(&out, "state", "paused");
	frame_put_str(&out, "page_token", "next");
	frame_put_bool(&out, "show_terminated", true);
	ck_assert_int_eq(create_put_list(&box, opened()), 0);
	m = coreweave__sandbox__v1__list_sandboxes_request__unpack(
		NULL, box.n - GRPC_PREFIX_BYTES, box.data + GRPC_PREFIX_BYTES);
	ck_assert_int_eq(m->state, COREWEAVE__SANDBOX__V1__STATE__STATE_PAUSED);
	ck_assert_str_eq(m->page_token, "next");
	ck_assert_int_eq(m->page_size, 100);
	ck_assert(m->show_terminated);
	coreweave__sandbox__v1__list_sandboxes_request__free_unpacked(m, NULL);
	close_all();
	frame_out_init(&out);
	frame_begin_request(&out, 1, "sandbox.list", 1);
	frame_put_str(&out, "state", "sleeping");
	ck_assert_int_eq(create_put_list(&box, opened()), -EINVAL);
	close_all();
}
END_TEST

/* A page of n sandboxes, each with 20 containers and statuses. */
static const msgpack_object *page_of(size_t n)
{
	static Coreweave__Sandbox__V1__Container container =
		COREWEAVE__SANDBOX__V1__CONTAINER__INIT;
	static Coreweave__Sandbox__V1__ContainerStatus status =
		COREWEAVE__SANDBOX__V1__CONTAINER_STATUS__INIT;
	static Coreweave__Sandbox__V1__Container *containers[20];
	static Coreweave__Sandbox__V1__ContainerStatus *statuses[20];
	static Coreweave__Sandbox__V1__Sandbox *list[DESCRIBE_LIST_MAX];
	static char name[] = "main";
	Coreweave__Sandbox__V1__SandboxSpec spec = COREWEAVE__SANDBOX__V1__SANDBOX_SPEC__INIT;
	Coreweave__Sandbox__V1__SandboxStatus st = COREWEAVE__SANDBOX__V1__SANDBOX_STATUS__INIT;
	Coreweave__Sandbox__V1__Sandbox sb = COREWEAVE__SANDBOX__V1__SANDBOX__INIT;
	Coreweave__Sandbox__V1__ListSandboxesResponse m =
		COREWEAVE__SANDBOX__V1__LIST_SANDBOXES_RESPONSE__INIT;

	container.name = status.name = name;
	for (size_t i = 0; i < 20; i++) {
		containers[i] = &container;
		statuses[i] = &status;
	}
	spec.containers = containers;
	st.container_statuses = statuses;
	spec.n_containers = st.n_container_statuses = 20;
	sb.spec = &spec;
	sb.status = &st;
	sb.sandbox_id = name;
	for (size_t i = 0; i < n; i++)
		list[i] = &sb;
	m.sandboxes = list;
	m.n_sandboxes = n;
	frame_out_init(&out);
	frame_begin_result(&out, 1, 2);
	describe_list(&out, &m);
	return opened(); /* frame_scan holds it against the bounds of a frame */
}

START_TEST(a_page_fits_a_frame_however_many_sandboxes_and_containers_it_has)
{
	static const size_t sizes[] = { 0, 1, 2, 32, 100, DESCRIBE_LIST_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const msgpack_object *list = NULL;

		ck_assert_int_eq(frame_get_array(page_of(sizes[i]), "sandboxes", &list), 0);
		ck_assert_uint_eq(list->via.array.size, sizes[i]);
		close_all();
	}
}
END_TEST

START_TEST(times_exit_codes_and_long_texts_of_a_sandbox_are_in_range)
{
	Coreweave__Sandbox__V1__SandboxStatus st = COREWEAVE__SANDBOX__V1__SANDBOX_STATUS__INIT;
	Coreweave__Sandbox__V1__Sandbox sb = COREWEAVE__SANDBOX__V1__SANDBOX__INIT;
	Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	char reason[3000];
	const msgpack_object *map;
	struct frame_span text;
	int64_t v;

	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	start.seconds = 1700000000;
	start.nanos = 123456789;
	st.start_time = &start;
	st.state_reason = reason;
	st.opt_exit_code_case = COREWEAVE__SANDBOX__V1__SANDBOX_STATUS__OPT_EXIT_CODE_EXIT_CODE;
	sb.status = &st;
	for (int i = 0; i < 2; i++) {
		frame_out_init(&out);
		frame_begin_result(&out, 1, DESCRIBE_FIELDS);
		describe_sandbox(&out, &sb, DESCRIBE_ALL);
		map = opened();
		ck_assert_int_eq(
			frame_get_i64(map, "started_at", 0, INT64_MAX, &v), i ? FRAME_E_UNSET : 0);
		if (i == 0)
			ck_assert_int_eq(v, 1700000000123);
		ck_assert_int_eq(frame_get_i64(map, "exit_code", 0, 0, &v), 0);
		ck_assert_int_eq(frame_get_str(map, "state_reason", &text), 0);
		ck_assert_uint_eq(text.n, DESCRIBE_TEXT_MAX);
		close_all();
		start.seconds = INT64_MAX; /* no time of ours */
	}
}
END_TEST

TEST_MAIN("create", a_create_asks_for_what_its_params_say,
	a_create_without_params_has_the_defaults_and_a_uuid_of_its_own,
	a_list_asks_for_a_page_and_a_state_that_exists,
	a_page_fits_a_frame_however_many_sandboxes_and_containers_it_has,
	times_exit_codes_and_long_texts_of_a_sandbox_are_in_range)

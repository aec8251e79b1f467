#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "local/sandbox.h"
#include "local/spec.h"

#define S(name) COREWEAVE__SANDBOX__V1__STATE__STATE_##name

static struct registry reg;
static struct clock now = { .now_usec = 1000 * USEC_PER_SEC, .wall_usec = 5000 * USEC_PER_SEC };

/* A spec as protobuf-c would have made it: freed with its sandbox. */
static Coreweave__Sandbox__V1__SandboxSpec *make_spec(const char *tag)
{
	Coreweave__Sandbox__V1__SandboxSpec spec = COREWEAVE__SANDBOX__V1__SANDBOX_SPEC__INIT, *ret;
	Coreweave__Sandbox__V1__Container c = COREWEAVE__SANDBOX__V1__CONTAINER__INIT;
	Coreweave__Sandbox__V1__Container *containers[] = { &c };
	char *tags[] = { (char *)tag };
	uint8_t buf[512];
	size_t n;

	c.name = (char *)"main";
	c.image = (char *)"python:3.11";
	spec.containers = containers;
	spec.n_containers = 1;
	spec.tags = tags;
	spec.n_tags = tag ? 1 : 0;
	n = coreweave__sandbox__v1__sandbox_spec__pack(&spec, buf);
	ret = coreweave__sandbox__v1__sandbox_spec__unpack(NULL, n, buf);
	ck_assert_ptr_nonnull(ret);
	return ret;
}

static int add(const char *id, const char *tag, struct sandbox **ret)
{
	struct sandbox_new what = {
		.id = id, .spec = make_spec(tag), .request_id = id, .request_hash = 7
	};
	int r = registry_add(&reg, &what, &now, ret);

	if (r)
		coreweave__sandbox__v1__sandbox_spec__free_unpacked(what.spec, NULL);
	return r;
}

static struct sandbox *must_add(const char *id, const char *tag)
{
	struct sandbox *sb;

	ck_assert_int_eq(add(id, tag, &sb), 0);
	return sb;
}

static void step(struct sandbox *sb, enum sandbox_event ev, Coreweave__Sandbox__V1__State want)
{
	ck_assert_int_eq(sandbox_step(&reg, sb, ev, &now), 0);
	ck_assert_int_eq(sb->state, want);
}

static struct sandbox *running(const char *id, const char *tag)
{
	struct sandbox *sb = must_add(id, tag);

	step(sb, SANDBOX_EV_LAUNCHED, S(CREATING));
	step(sb, SANDBOX_EV_UP, S(RUNNING));
	return sb;
}

/* ---- states ---- */

START_TEST(a_sandbox_goes_from_pending_to_its_end_and_never_back)
{
	struct sandbox *sb;

	registry_init(&reg);
	sb = running("a", NULL);
	ck_assert(sandbox_live(sb));
	ck_assert_int_eq(sandbox_step(&reg, sb, SANDBOX_EV_UP, &now), SANDBOX_E_UNEXPECTED);
	step(sb, SANDBOX_EV_STOP, S(TERMINATING));
	ck_assert(!sandbox_live(sb) && !sandbox_ended(sb));
	ck_assert_int_eq(sandbox_step(&reg, sb, SANDBOX_EV_FAIL, &now), SANDBOX_E_UNEXPECTED);
	step(sb, SANDBOX_EV_GONE, S(TERMINATED));
	for (int ev = 0; ev < _SANDBOX_EVENT_N; ev++)
		ck_assert_int_eq(
			sandbox_step(&reg, sb, (enum sandbox_event)ev, &now), SANDBOX_E_UNEXPECTED);
	ck_assert(!sb->has_exit_code);
	ck_assert_uint_eq(reg.n_live, 0);
	registry_done(&reg);
}
END_TEST

START_TEST(an_end_by_itself_is_completed_or_failed)
{
	registry_init(&reg);
	step(running("ok", NULL), SANDBOX_EV_OK, S(COMPLETED));
	step(running("bad", NULL), SANDBOX_EV_FAIL, S(FAILED));
	step(must_add("never", NULL), SANDBOX_EV_FAIL, S(FAILED));
	ck_assert_uint_eq(reg.n_ended, 3);
	registry_done(&reg);
}
END_TEST

/* ---- from before ---- */

static struct sandbox *adopt(
	const char *id, uint64_t seq, Coreweave__Sandbox__V1__State state, uint64_t start_wall_sec)
{
	Coreweave__Sandbox__V1__SandboxStatus st = COREWEAVE__SANDBOX__V1__SANDBOX_STATUS__INIT;
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Coreweave__Sandbox__V1__ContainerStatus c = COREWEAVE__SANDBOX__V1__CONTAINER_STATUS__INIT,
						*list[] = { &c };
	struct sandbox_known known = {
		.what = { .id = id, .spec = make_spec(NULL) }, .seq = seq, .status = &st
	};
	struct sandbox *sb;

	t.seconds = (int64_t)start_wall_sec;
	st.state = state;
	st.start_time = &t;
	c.state = state;
	c.restart_count = 4;
	st.container_statuses = list;
	st.n_container_statuses = 1;
	ck_assert_int_eq(registry_adopt(&reg, &known, &now, &sb), 0);
	return sb;
}

START_TEST(what_ran_before_a_kill_runs_again_for_the_rest_of_its_life_and_what_had_ended_has)
{
	uint64_t wall = now.wall_usec / USEC_PER_SEC, life = SANDBOX_LIFETIME_DEFAULT_SEC;
	struct sandbox *young, *list[8];
	bool more;
	const struct sandbox_filter all = { .show_ended = true, .ascending = true };

	registry_init(&reg);
	young = adopt("young", 9, S(RUNNING), wall - 100);
	ck_assert_int_eq(young->state, S(PENDING));
	ck_assert(young->kept);
	ck_assert_int_eq(young->containers[0].restart_count, 5);
	ck_assert_int_eq(adopt("never", 3, S(CREATING), 0)->state, S(PENDING));
	ck_assert_int_eq(adopt("old", 4, S(RUNNING), wall - life)->state, S(TERMINATED));
	ck_assert_int_eq(adopt("stopped", 5, S(TERMINATING), wall)->state, S(TERMINATED));
	ck_assert_int_eq(adopt("over", 2, S(COMPLETED), wall)->containers[0].state, S(COMPLETED));
	registry_sort(&reg);
	ck_assert_uint_eq(reg.n_live, 2);
	ck_assert_uint_eq(reg.n_ended, 3);
	ck_assert_uint_eq(registry_list(&reg, &all, 0, list, 8, &more), 5);
	ck_assert_str_eq(list[0]->id, "over");
	ck_assert_str_eq(list[4]->id, "young");
	ck_assert_uint_eq(must_add("new", NULL)->seq, 10);
	step(young, SANDBOX_EV_LAUNCHED, S(CREATING));
	step(young, SANDBOX_EV_UP, S(RUNNING));
	ck_assert_uint_eq(sandbox_deadline(young), now.now_usec + (life - 100) * USEC_PER_SEC);
	ck_assert_uint_eq(young->start_wall_usec, (wall - 100) * USEC_PER_SEC);
	registry_done(&reg);
}
END_TEST

START_TEST(the_deadlines_are_start_lifetime_and_grace)
{
	struct sandbox *sb;
	uint64_t life = SANDBOX_LIFETIME_DEFAULT_SEC * USEC_PER_SEC;

	registry_init(&reg);
	sb = must_add("a", NULL);
	ck_assert_uint_eq(sandbox_deadline(sb), 0); /* it may wait for its turn, or a restore */
	step(sb, SANDBOX_EV_LAUNCHED, S(CREATING));
	ck_assert_uint_eq(sandbox_deadline(sb), now.now_usec + SANDBOX_START_USEC);
	ck_assert_int_eq(sandbox_due(sb, now.now_usec + SANDBOX_START_USEC - 1), SANDBOX_DUE_NONE);
	ck_assert_int_eq(sandbox_due(sb, now.now_usec + SANDBOX_START_USEC), SANDBOX_DUE_START);
	step(sb, SANDBOX_EV_UP, S(RUNNING));
	ck_assert_uint_eq(sandbox_deadline(sb), now.now_usec + life);
	ck_assert_int_eq(sandbox_due(sb, now.now_usec + life - 1), SANDBOX_DUE_NONE);
	ck_assert_int_eq(sandbox_due(sb, now.now_usec + life), SANDBOX_DUE_EXPIRED);
	step(sb, SANDBOX_EV_STOP, S(TERMINATING));
	ck_assert_uint_eq(sandbox_deadline(sb), 0);
	sb->kill_usec = now.now_usec + 5;
	ck_assert_int_eq(sandbox_due(sb, now.now_usec + 5), SANDBOX_DUE_KILL);
	step(sb, SANDBOX_EV_GONE, S(TERMINATED));
	ck_assert_uint_eq(sandbox_deadline(sb), 0);
	registry_done(&reg);
}
END_TEST

/* ---- the registry's bounds ---- */

START_TEST(there_are_only_so_many_live_ones_and_the_oldest_ended_are_forgotten)
{
	struct sandbox *sb, *held;
	char id[SANDBOX_ID_BYTES];

	registry_init(&reg);
	held = sandbox_ref(must_add("first", NULL));
	for (int i = 1; i < SANDBOX_LIVE_MAX; i++) {
		snprintf(id, sizeof(id), "live-%d", i);
		must_add(id, NULL);
	}
	ck_assert_int_eq(add("one-more", NULL, &sb), SANDBOX_E_FULL);
	step(held, SANDBOX_EV_FAIL, S(FAILED));
	for (int i = 0; i < SANDBOX_ENDED_MAX - 1; i++) {
		snprintf(id, sizeof(id), "ended-%d", i);
		step(must_add(id, NULL), SANDBOX_EV_FAIL, S(FAILED));
	}
	ck_assert_ptr_eq(registry_find(&reg, "first"), held);
	step(must_add("last", NULL), SANDBOX_EV_FAIL, S(FAILED));
	ck_assert_uint_eq(reg.n_ended, SANDBOX_ENDED_MAX);
	ck_assert_ptr_null(registry_find(&reg, "first"));
	ck_assert_str_eq(held->id, "first");
	sandbox_unref(held);
	registry_done(&reg);
}
END_TEST

START_TEST(a_request_made_twice_finds_its_sandbox_and_another_one_a_conflict)
{
	struct sandbox *sb, *found;

	registry_init(&reg);
	sb = must_add("req", NULL);
	ck_assert_int_eq(registry_find_request(&reg, "req", 7, &found), 0);
	ck_assert_ptr_eq(found, sb);
	ck_assert_int_eq(registry_find_request(&reg, "req", 8, &found), SANDBOX_E_CONFLICT);
	ck_assert_int_eq(registry_find_request(&reg, "", 8, &found), 0);
	ck_assert_ptr_null(found);
	ck_assert_int_eq(registry_find_request(&reg, "other", 7, &found), 0);
	ck_assert_ptr_null(found);
	registry_done(&reg);
}
END_TEST

/* ---- listing ---- */

static size_t list(
	const struct sandbox_filter *f, uint64_t after, size_t max, const char *want, bool more)
{
	struct sandbox *found[8];
	char got[64] = "";
	bool is_more;
	size_t n = registry_list(&reg, f, after, found, max, &is_more);

	for (size_t i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s", found[i]->id);
	ck_assert_str_eq(got, want);
	ck_assert_int_eq(is_more, more);
	return n ? (size_t)found[n - 1]->seq : 0;
}

START_TEST(pages_follow_each_other_in_both_directions_and_miss_nothing)
{
	struct sandbox_filter down = { 0 }, up = { .ascending = true };
	size_t at;

	registry_init(&reg);
	for (char id[2] = "a"; *id <= 'e'; ++*id)
		running(id, NULL);
	at = list(&down, 0, 2, "ed", true);
	/* What comes or goes between two pages moves no other over their border. */
	step(registry_find(&reg, "d"), SANDBOX_EV_OK, S(COMPLETED));
	running("f", NULL);
	at = list(&down, at, 2, "cb", true);
	list(&down, at, 2, "a", false);
	at = list(&up, 0, 4, "abce", true);
	list(&up, at, 4, "f", false);
	registry_done(&reg);
}
END_TEST

START_TEST(filters_are_tags_runner_and_state_and_ended_ones_show_when_asked_for)
{
	char *red[] = { (char *)"red" }, *two[] = { (char *)"red", (char *)"blue" };
	char *here[] = { (char *)SPEC_RUNNER_ID }, *elsewhere[] = { (char *)"far" };
	struct sandbox_filter f = { .ascending = true };

	registry_init(&reg);
	running("a", "red");
	running("b", "blue");
	step(running("c", "red"), SANDBOX_EV_OK, S(COMPLETED));
	list(&f, 0, 8, "ab", false);
	list(&(struct sandbox_filter){ .tags = red, .n_tags = 1 }, 0, 8, "a", false);
	list(&(struct sandbox_filter){ .tags = two, .n_tags = 2 }, 0, 8, "", false);
	list(&(struct sandbox_filter){ .tags = red, .n_tags = 1, .show_ended = true }, 0, 8, "ca",
		false);
	list(&(struct sandbox_filter){ .state = S(COMPLETED) }, 0, 8, "c", false);
	list(&(struct sandbox_filter){ .state = S(RUNNING), .show_ended = true }, 0, 8, "ba",
		false);
	list(&(struct sandbox_filter){ .runner_ids = here, .n_runner_ids = 1 }, 0, 8, "ba", false);
	list(&(struct sandbox_filter){ .runner_ids = elsewhere, .n_runner_ids = 1 }, 0, 8, "",
		false);
	list(&(struct sandbox_filter){ .nothing = true }, 0, 8, "", false);
	registry_done(&reg);
}
END_TEST

/* ---- specs ---- */

static int check(Coreweave__Sandbox__V1__SandboxSpec *spec, int code, const char *field)
{
	struct grpc_status st = { 0 };
	int r = spec_check(spec, &st);
	bool named = !field;

	ck_assert_int_eq(st.code, code);
	for (size_t i = 0; i < st.n_violations; i++)
		named |= field && !strcmp(st.violations[i].field, field);
	ck_assert(named);
	grpc_status_done(&st);
	return r;
}

START_TEST(a_spec_is_refused_by_the_field_that_is_wrong)
{
	Coreweave__Sandbox__V1__SandboxSpec *spec = make_spec("t");
	Coreweave__Sandbox__V1__SandboxSpec empty = COREWEAVE__SANDBOX__V1__SANDBOX_SPEC__INIT;
	Coreweave__Sandbox__V1__Container *c = spec->containers[0];
	char *name = c->name, *tag = spec->tags[0];
	char long_tag[SPEC_TAG_BYTES_MAX + 2];

	ck_assert_int_eq(check(spec, GRPC_OK, NULL), 0);
	check(&empty, GRPC_INVALID_ARGUMENT, "spec.containers");
	c->name = (char *)"Main!";
	check(spec, GRPC_INVALID_ARGUMENT, "spec.containers[0].name");
	c->name = name;
	spec->max_lifetime_seconds = SANDBOX_LIFETIME_MAX_SEC;
	check(spec, GRPC_OK, NULL);
	spec->max_lifetime_seconds++;
	check(spec, GRPC_INVALID_ARGUMENT, "spec.max_lifetime_seconds");
	spec->max_lifetime_seconds = -1;
	check(spec, GRPC_INVALID_ARGUMENT, "spec.max_lifetime_seconds");
	spec->max_lifetime_seconds = 0;
	memset(long_tag, 'x', sizeof(long_tag));
	long_tag[SPEC_TAG_BYTES_MAX] = 0;
	spec->tags[0] = long_tag;
	check(spec, GRPC_OK, NULL);
	long_tag[SPEC_TAG_BYTES_MAX] = 'x';
	long_tag[SPEC_TAG_BYTES_MAX + 1] = 0;
	check(spec, GRPC_INVALID_ARGUMENT, "spec.tags");
	spec->tags[0] = tag;
	coreweave__sandbox__v1__sandbox_spec__free_unpacked(spec, NULL);
}
END_TEST

START_TEST(what_the_service_cannot_do_is_refused_and_not_ignored)
{
	Coreweave__Sandbox__V1__SandboxSpec *spec = make_spec(NULL);
	Coreweave__Sandbox__V1__NetworkOptions net = COREWEAVE__SANDBOX__V1__NETWORK_OPTIONS__INIT;
	Coreweave__Sandbox__V1__SandboxVolume volume = COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__INIT;
	Coreweave__Sandbox__V1__SandboxVolume *volumes[] = { &volume };
	char *far[] = { (char *)"far" };

	spec->network = &net;
	check(spec, GRPC_UNIMPLEMENTED, NULL);
	spec->network = NULL;
	volume.name = (char *)"data";
	volume.source_case = COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_VOLUME_ID;
	volume.volume_id = (char *)"v";
	spec->volumes = volumes;
	spec->n_volumes = 1;
	check(spec, GRPC_UNIMPLEMENTED, NULL);
	spec->volumes = NULL;
	spec->n_volumes = 0;
	spec->runner_ids = far;
	spec->n_runner_ids = 1;
	check(spec, GRPC_FAILED_PRECONDITION, NULL);
	far[0] = (char *)SPEC_RUNNER_ID;
	check(spec, GRPC_OK, NULL);
	spec->runner_ids = NULL;
	spec->n_runner_ids = 0;
	coreweave__sandbox__v1__sandbox_spec__free_unpacked(spec, NULL);
}
END_TEST

/* "main", then one container for each name. */
static Coreweave__Sandbox__V1__SandboxSpec *make_containers(
	size_t n, const char *const *names, size_t primary)
{
	Coreweave__Sandbox__V1__SandboxSpec *spec = make_spec(NULL);

	coreweave__sandbox__v1__container__free_unpacked(spec->containers[0], NULL);
	spec->containers = realloc(spec->containers, n * sizeof(*spec->containers));
	spec->n_containers = n;
	for (size_t i = 0; i < n; i++) {
		Coreweave__Sandbox__V1__Container *c = malloc(sizeof(*c));

		coreweave__sandbox__v1__container__init(c);
		c->name = strdup(names[i]);
		c->image = strdup("python:3.11");
		if (i == primary) {
			c->opt_primary_case =
				COREWEAVE__SANDBOX__V1__CONTAINER__OPT_PRIMARY_PRIMARY;
			c->primary = true;
		}
		spec->containers[i] = c;
	}
	return spec;
}

START_TEST(a_container_is_named_or_the_primary_one)
{
	static const char *const names[] = { "side", "web" };
	struct sandbox_new what = { .id = "x", .spec = make_containers(2, names, 1) };
	struct sandbox *sb;

	registry_init(&reg);
	ck_assert_int_eq(registry_add(&reg, &what, &now, &sb), 0);
	ck_assert_str_eq(sandbox_container(sb, "")->name, "web");
	ck_assert_str_eq(sandbox_container(sb, "  ")->name, "web");
	ck_assert_str_eq(sandbox_container(sb, "side")->name, "side");
	ck_assert_ptr_null(sandbox_container(sb, "sid"));
	ck_assert_ptr_null(sandbox_container(sb, "side2"));
	registry_done(&reg);
}
END_TEST

START_TEST(a_sandbox_runs_when_all_its_containers_do_and_ends_with_the_primary_one)
{
	static const char *const names[] = { "a", "b", "c" };
	struct sandbox_new what = { .id = "x", .spec = make_containers(3, names, 9) };
	struct sandbox *sb;

	registry_init(&reg);
	ck_assert_int_eq(registry_add(&reg, &what, &now, &sb), 0);
	step(sb, SANDBOX_EV_LAUNCHED, S(CREATING));
	ck_assert(!sandbox_container_up(sb, 2));
	ck_assert(!sandbox_container_up(sb, 0));
	ck_assert(sandbox_container_up(sb, 1));
	step(sb, SANDBOX_EV_UP, S(RUNNING));
	sandbox_container_ended(sb, 1, 3);
	ck_assert_int_eq(sb->containers[1].state, S(FAILED));
	ck_assert_int_eq(sb->containers[1].exit_code, 3);
	sandbox_container_ended(sb, 0, 0);
	step(sb, SANDBOX_EV_OK, S(COMPLETED));
	ck_assert_int_eq(sb->containers[0].state, S(COMPLETED));
	ck_assert_int_eq(sb->containers[1].state, S(FAILED));
	ck_assert_int_eq(sb->containers[2].state, S(TERMINATED));
	registry_done(&reg);
}
END_TEST

START_TEST(a_stopped_container_keeps_no_exit_code)
{
	struct sandbox *sb;

	registry_init(&reg);
	sb = running("x", NULL);
	sandbox_container_up(sb, 0);
	step(sb, SANDBOX_EV_STOP, S(TERMINATING));
	ck_assert_int_eq(sb->containers[0].state, S(TERMINATING));
	sandbox_container_ended(sb, 0, 143);
	step(sb, SANDBOX_EV_GONE, S(TERMINATED));
	ck_assert_int_eq(sb->containers[0].state, S(TERMINATED));
	ck_assert_int_eq(sb->containers[0].exit_code, 0);
	registry_done(&reg);
}
END_TEST

/* ---- volumes ---- */

static Coreweave__Sandbox__V1__VolumeMount mount_of(const char *volume, const char *path)
{
	Coreweave__Sandbox__V1__VolumeMount m = COREWEAVE__SANDBOX__V1__VOLUME_MOUNT__INIT;

	m.volume = (char *)volume;
	m.mount_path = (char *)path;
	return m;
}

static Coreweave__Sandbox__V1__SandboxVolume scratch = COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__INIT;
static Coreweave__Sandbox__V1__SandboxVolume *scratch_list[] = { &scratch };

/* A spec with one scratch volume, "data", and these mounts; spec_free() frees what is not ours. */
static Coreweave__Sandbox__V1__SandboxSpec *spec_with(
	Coreweave__Sandbox__V1__VolumeMount **mounts, size_t n)
{
	Coreweave__Sandbox__V1__SandboxSpec *spec = make_spec(NULL);

	scratch.name = (char *)"data";
	spec->volumes = scratch_list;
	spec->n_volumes = 1;
	spec->containers[0]->volume_mounts = mounts;
	spec->containers[0]->n_volume_mounts = n;
	return spec;
}

static void spec_free(Coreweave__Sandbox__V1__SandboxSpec *spec)
{
	spec->volumes = NULL;
	spec->n_volumes = 0;
	spec->containers[0]->volume_mounts = NULL;
	spec->containers[0]->n_volume_mounts = 0;
	coreweave__sandbox__v1__sandbox_spec__free_unpacked(spec, NULL);
}

START_TEST(a_mount_is_of_a_scratch_volume_and_at_a_plain_absolute_path)
{
	static const char *const bad[] = { "", "data", "/", "/a/", "/a//b", "/a/../b", "/./a",
		"/proc/x", "/dev" };
	Coreweave__Sandbox__V1__VolumeMount m = mount_of("data", "/data"), *mounts[] = { &m };
	Coreweave__Sandbox__V1__SandboxSpec *spec = spec_with(mounts, 1);
	struct spec_plan p;

	check(spec, GRPC_OK, NULL);
	spec_plan(spec, "id", &p);
	ck_assert_uint_eq(p.plan.n_volumes, 1);
	ck_assert_uint_eq(p.plan.n_mounts, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		m.mount_path = (char *)bad[i];
		check(spec, GRPC_INVALID_ARGUMENT,
			"spec.containers[0].volume_mounts[0].mount_path");
	}
	m = mount_of("other", "/data");
	check(spec, GRPC_INVALID_ARGUMENT, "spec.containers[0].volume_mounts[0].volume");
	m = mount_of("data", "/data");
	for (const char *sub = "../x"; *sub; sub = *sub == '.' ? "/x" : "") {
		m.sub_path = (char *)sub;
		check(spec, GRPC_INVALID_ARGUMENT, "spec.containers[0].volume_mounts[0].sub_path");
	}
	m.sub_path = (char *)"a/b";
	check(spec, GRPC_OK, NULL);
	spec_free(spec);
}
END_TEST

START_TEST(mounts_are_made_once_with_parents_before_what_is_in_them)
{
	Coreweave__Sandbox__V1__VolumeMount m[] = { mount_of("data", "/a/b"),
		mount_of("data", "/a"), mount_of("data", "/a/b") };
	Coreweave__Sandbox__V1__VolumeMount *mounts[] = { &m[0], &m[1], &m[2] };
	Coreweave__Sandbox__V1__SandboxSpec *spec = spec_with(mounts, 3);
	struct spec_plan p;

	check(spec, GRPC_OK, NULL);
	spec_plan(spec, "id", &p);
	ck_assert_uint_eq(p.plan.n_mounts, 2);
	ck_assert_str_eq(p.mounts[0].path, "/a");
	ck_assert_str_eq(p.mounts[1].path, "/a/b");
	m[2].read_only = true;
	check(spec, GRPC_INVALID_ARGUMENT, "spec.containers[0].volume_mounts[2].mount_path");
	spec_free(spec);
}
END_TEST

START_TEST(a_later_variable_replaces_the_one_of_its_name_only)
{
	struct spec_env env = { 0 };

	ck_assert_int_eq(spec_env_set(&env, "A", "1"), 0);
	ck_assert_int_eq(spec_env_set(&env, "AB", "2"), 0);
	ck_assert_int_eq(spec_env_set(&env, "A", "3=4"), 0);
	ck_assert_uint_eq(env.n, 2);
	ck_assert_str_eq(env.v[0], "A=3=4");
	ck_assert_str_eq(env.v[1], "AB=2");
	ck_assert_ptr_null(env.v[2]);
	spec_env_done(&env);
	ck_assert(!spec_env_name_ok("") && !spec_env_name_ok("A=B") && spec_env_name_ok("A"));
}
END_TEST

TEST_MAIN("local sandbox",
	what_ran_before_a_kill_runs_again_for_the_rest_of_its_life_and_what_had_ended_has,
	a_sandbox_goes_from_pending_to_its_end_and_never_back,
	an_end_by_itself_is_completed_or_failed, the_deadlines_are_start_lifetime_and_grace,
	there_are_only_so_many_live_ones_and_the_oldest_ended_are_forgotten,
	a_request_made_twice_finds_its_sandbox_and_another_one_a_conflict,
	pages_follow_each_other_in_both_directions_and_miss_nothing,
	filters_are_tags_runner_and_state_and_ended_ones_show_when_asked_for,
	a_spec_is_refused_by_the_field_that_is_wrong,
	what_the_service_cannot_do_is_refused_and_not_ignored,
	a_container_is_named_or_the_primary_one,
	a_sandbox_runs_when_all_its_containers_do_and_ends_with_the_primary_one,
	a_stopped_container_keeps_no_exit_code,
	a_mount_is_of_a_scratch_volume_and_at_a_plain_absolute_path,
	mounts_are_made_once_with_parents_before_what_is_in_them,
	a_later_variable_replaces_the_one_of_its_name_only)

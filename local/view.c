#include "local/view.h"

#define RUNNER_GROUP_ID "local"

typedef Coreweave__Sandbox__V1__SandboxStatus Status;

static Google__Protobuf__Timestamp *view_time(Google__Protobuf__Timestamp *t, uint64_t wall_usec)
{
	google__protobuf__timestamp__init(t);
	t->seconds = (int64_t)(wall_usec / USEC_PER_SEC);
	t->nanos = (int32_t)(wall_usec % USEC_PER_SEC) * 1000;
	return wall_usec ? t : NULL;
}

static void view_containers(struct view *v, const struct sandbox *sb)
{
	for (size_t i = 0; i < sb->n_containers; i++) {
		Coreweave__Sandbox__V1__ContainerStatus *c = &v->containers[i];

		coreweave__sandbox__v1__container_status__init(c);
		c->name = (char *)sb->containers[i].name;
		c->state = sb->containers[i].state;
		c->exit_code = sb->containers[i].exit_code;
		c->restart_count = sb->containers[i].restart_count;
		v->list[i] = c;
	}
	v->status.n_container_statuses = sb->n_containers;
	v->status.container_statuses = v->list;
}

static void view_status(struct view *v, const struct sandbox *sb)
{
	Status *st = &v->status;

	coreweave__sandbox__v1__sandbox_status__init(st);
	st->state = sb->state;
	st->state_reason = (char *)sb->reason;
	st->create_time = view_time(&v->create, sb->create_wall_usec);
	st->start_time = view_time(&v->start, sb->start_wall_usec);
	st->end_time = view_time(&v->end, sb->end_wall_usec);
	st->effective_max_lifetime_seconds = spec_lifetime_sec(sb->spec);
	st->runner_id = (char *)SPEC_RUNNER_ID;
	st->runner_group_id = (char *)RUNNER_GROUP_ID;
	if (sb->has_exit_code) {
		st->opt_exit_code_case =
			COREWEAVE__SANDBOX__V1__SANDBOX_STATUS__OPT_EXIT_CODE_EXIT_CODE;
		st->exit_code = sb->exit_code;
	}
	view_containers(v, sb);
}

const ProtobufCMessage *view_sandbox(struct view *v, const struct sandbox *sb)
{
	coreweave__sandbox__v1__sandbox__init(&v->sandbox);
	view_status(v, sb);
	v->sandbox.sandbox_id = (char *)sb->id;
	v->sandbox.spec = sb->spec;
	v->sandbox.status = &v->status;
	v->sandbox.display_name = sb->display_name;
	v->sandbox.control = COREWEAVE__SANDBOX__V1__CONTROL__CONTROL_PLATFORM;
	return &v->sandbox.base;
}

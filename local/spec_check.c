/* Whether a spec is one this service can carry out: what it cannot do is refused, never ignored. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "local/limits.h"
#include "local/sandbox.h"
#include "local/spec.h"

#define NOT_IMPLEMENTED "CWSANDBOX_NOT_IMPLEMENTED"
#define INVALID_REQUEST "CWSANDBOX_INVALID_REQUEST"
#define NO_SUITABLE_RUNNER "CWSANDBOX_NO_SUITABLE_RUNNER"
#define FIELD_BYTES 128

typedef Coreweave__Sandbox__V1__SandboxSpec Spec;
typedef Coreweave__Sandbox__V1__Container Container;
typedef Coreweave__Sandbox__V1__SecurityContext SecurityContext;
typedef Coreweave__Sandbox__V1__SandboxVolume Volume;
typedef Coreweave__Sandbox__V1__VolumeMount VolumeMount;

static void violate(struct grpc_status *st, const char *field, const char *what)
{
	if (st->code == GRPC_OK)
		grpc_status_set(st, GRPC_INVALID_ARGUMENT, INVALID_REQUEST,
			"the sandbox's spec is not valid");
	if (st->n_violations < GRPC_VIOLATIONS_MAX)
		grpc_status_add_violation(st, field, what);
}

/* The field `name` of container i. */
_printf_(4, 5) static void violate_in(
	struct grpc_status *st, size_t i, const char *what, const char *name, ...)
{
	char field[FIELD_BYTES];
	int n = snprintf(field, sizeof(field), "spec.containers[%zu].", i);
	va_list ap;

	va_start(ap, name);
	vsnprintf(field + n, sizeof(field) - (size_t)n, name, ap);
	va_end(ap);
	violate(st, field, what);
}

/* ---- what there is not ---- */

static bool wants_gpu(const Container *c)
{
	const Coreweave__Sandbox__V1__ResourceRequirements *r = c->resource_requirements;

	return (c->resources && c->resources->gpu) || (r && r->requests && r->requests->gpu) ||
	       (r && r->limits && r->limits->gpu);
}

/* A sandbox's programs are root without capabilities and gain no privileges: who asks for just
 * that gets it. */
static bool has_security(const SecurityContext *s)
{
	if (!s)
		return true;
	return !(s->opt_run_as_user_case && s->run_as_user) &&
	       !(s->opt_run_as_group_case && s->run_as_group) &&
	       !(s->opt_privileged_case && s->privileged) &&
	       !(s->opt_allow_privilege_escalation_case && s->allow_privilege_escalation) &&
	       !(s->opt_read_only_root_filesystem_case && s->read_only_root_filesystem) &&
	       !s->n_capabilities_add && !*s->seccomp_profile;
}

static const char *missing_in_container(const Container *c)
{
	if (c->n_secret_stores)
		return "spec.containers.secret_stores";
	if (!has_security(c->security_context))
		return "such a spec.containers.security_context";
	if (c->startup_probe)
		return "spec.containers.startup_probe";
	if (wants_gpu(c))
		return "spec.containers.resources.gpu";
	return NULL;
}

static const char *missing_in_spec(const Spec *spec)
{
	const char *missing = NULL;

	if (spec->n_services)
		return "spec.services";
	if (spec->n_network_ids || *spec->network_config_id)
		return "spec.network_ids";
	if (spec->network)
		return "spec.network";
	if (spec->object_storage_access)
		return "spec.object_storage_access";
	for (size_t i = 0; i < spec->n_volumes; i++)
		if (spec->volumes[i]->source_case ==
			COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_VOLUME_ID)
			return "registered volumes";
	for (size_t i = 0; !missing && i < spec->n_containers; i++)
		missing = missing_in_container(spec->containers[i]);
	return missing;
}

/* ---- what is wrong ---- */

static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > SPEC_NAME_BYTES_MAX || s[0] == '-' || s[n - 1] == '-')
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool spec_env_name_ok(const char *name)
{
	return *name && !strchr(name, '=') && strlen(name) <= SPEC_TEXT_BYTES_MAX;
}

/* Folders and a name, none of them "", "." or "..". */
static bool relative_ok(const char *path)
{
	do {
		size_t n = strcspn(path, "/");

		if (!n || n > 255 || (n == 1 && path[0] == '.') ||
			(n == 2 && !memcmp(path, "..", 2)))
			return false;
		path += n;
	} while (*path++);
	return true;
}

static bool absolute_ok(const char *path)
{
	return path[0] == '/' && strlen(path) <= SPEC_TEXT_BYTES_MAX && relative_ok(path + 1);
}

static bool starts_with_dir(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

static void check_mount(const Spec *spec, size_t i, size_t k, struct grpc_status *st)
{
	const VolumeMount *m = spec->containers[i]->volume_mounts[k];

	if (!*m->volume || !spec_volume(spec, m->volume))
		violate_in(st, i, "must name a scratch volume of spec.volumes",
			"volume_mounts[%zu].volume", k);
	if (!absolute_ok(m->mount_path) || starts_with_dir(m->mount_path, "/proc") ||
		starts_with_dir(m->mount_path, "/dev"))
		violate_in(st, i,
			"must be an absolute path without . and .., not / and not in /proc or /dev",
			"volume_mounts[%zu].mount_path", k);
	if (*m->sub_path &&
		(!relative_ok(m->sub_path) || strlen(m->sub_path) > SPEC_TEXT_BYTES_MAX))
		violate_in(st, i, "must be a relative path without . and ..",
			"volume_mounts[%zu].sub_path", k);
}

static void check_files(const Container *c, size_t i, struct grpc_status *st)
{
	size_t total = 0;

	for (size_t k = 0; k < c->n_files; k++) {
		total += c->files[k]->content.len;
		if (!absolute_ok(c->files[k]->path))
			violate_in(st, i, "must be an absolute path without . and ..",
				"files[%zu].path", k);
	}
	if (c->n_files > SPEC_FILES_MAX || total > SPEC_FILES_BYTES_MAX)
		violate_in(st, i, "at most 64 files, and 3 MiB of them", "files");
}

static void check_container(const Spec *spec, size_t i, struct grpc_status *st)
{
	const Container *c = spec->containers[i];

	if (!name_ok(c->name))
		violate_in(st, i, "must be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends",
			"name");
	for (size_t k = 0; k < i; k++)
		if (!strcmp(c->name, spec->containers[k]->name))
			violate_in(st, i, "must be another one than those before", "name");
	if (!*c->image || strlen(c->image) > SPEC_TEXT_BYTES_MAX)
		violate_in(st, i, "must be set", "image");
	if (*c->working_dir && c->working_dir[0] != '/')
		violate_in(st, i, "must be an absolute path", "working_dir");
	if (!*c->command && c->n_args)
		violate_in(st, i, "must be set when args are", "command");
	for (size_t k = 0; k < c->n_environment_variables; k++)
		if (!spec_env_name_ok(c->environment_variables[k]->key)) {
			violate_in(st, i, "a name must not be empty or hold '='",
				"environment_variables");
			break;
		}
	for (size_t k = 0; k < c->n_volume_mounts; k++)
		check_mount(spec, i, k, st);
	check_files(c, i, st);
}

/* Two volumes cannot be at one place: the containers share their files. */
static void check_places(const Spec *spec, struct grpc_status *st)
{
	struct spec_plan p;
	size_t n = 0;

	spec_plan(spec, "", &p);
	for (size_t i = 0; i < spec->n_containers; i++)
		for (size_t k = 0; k < spec->containers[i]->n_volume_mounts; k++) {
			const VolumeMount *m = spec->containers[i]->volume_mounts[k];

			n++;
			for (size_t j = 0; j < p.plan.n_mounts; j++)
				if (!strcmp(p.mounts[j].path, m->mount_path) &&
					(strcmp(p.mounts[j].volume, m->volume) ||
						strcmp(p.mounts[j].sub_path, m->sub_path) ||
						p.mounts[j].read_only != m->read_only))
					violate_in(st, i, "something else is mounted there",
						"volume_mounts[%zu].mount_path", k);
		}
	if (n > LAUNCH_MOUNTS_MAX)
		violate(st, "spec.containers.volume_mounts", "at most 32 in a sandbox");
}

static void check_resources(const Coreweave__Sandbox__V1__Resources *r, size_t i, const char *of,
	struct grpc_status *st)
{
	uint64_t v;

	if (!r)
		return;
	if (*r->memory && limits_bytes(r->memory, &v))
		violate_in(st, i, "must be a quantity, as 512Mi", "%s.memory", of);
	if (*r->cpu && limits_quantity(r->cpu, &v))
		violate_in(st, i, "must be a quantity, as 500m", "%s.cpu", of);
}

static void check_requirements(const Container *c, size_t i, struct grpc_status *st)
{
	const Coreweave__Sandbox__V1__ResourceRequirements *r = c->resource_requirements;

	check_resources(c->resources, i, "resources", st);
	if (!r)
		return;
	check_resources(r->requests, i, "resource_requirements.requests", st);
	check_resources(r->limits, i, "resource_requirements.limits", st);
}

static void check_containers(const Spec *spec, struct grpc_status *st)
{
	size_t n_primary = 0;

	if (spec->n_containers < 1 || spec->n_containers > SPEC_CONTAINERS_MAX)
		return violate(st, "spec.containers", "must have 1 to 16 containers");
	for (size_t i = 0; i < spec->n_containers; i++) {
		check_container(spec, i, st);
		check_requirements(spec->containers[i], i, st);
		n_primary += spec->containers[i]->opt_primary_case && spec->containers[i]->primary;
	}
	if (n_primary > 1)
		violate(st, "spec.containers", "at most one may be primary");
	check_places(spec, st);
}

static void check_volumes(const Spec *spec, struct grpc_status *st)
{
	char field[FIELD_BYTES];
	uint64_t size;

	if (spec->n_volumes > SPEC_VOLUMES_MAX)
		return violate(st, "spec.volumes", "at most 16 volumes");
	for (size_t i = 0; i < spec->n_volumes; i++) {
		const Volume *v = spec->volumes[i];
		bool scratch =
			v->source_case == COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_SCRATCH;

		snprintf(field, sizeof(field), "spec.volumes[%zu].name", i);
		if (!name_ok(v->name))
			violate(st, field,
				"must be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends");
		for (size_t k = 0; k < i; k++)
			if (!strcmp(v->name, spec->volumes[k]->name))
				violate(st, field, "must be another one than those before");
		snprintf(field, sizeof(field), "spec.volumes[%zu].scratch.size", i);
		if (scratch && *v->scratch->size && limits_bytes(v->scratch->size, &size))
			violate(st, field, "must be a quantity, as 10Gi");
	}
}

static void check_labels(const Spec *spec, struct grpc_status *st)
{
	if (spec->n_tags > SPEC_TAGS_MAX)
		violate(st, "spec.tags", "at most 64 tags");
	for (size_t i = 0; i < spec->n_tags; i++)
		if (!*spec->tags[i] || strlen(spec->tags[i]) > SPEC_TAG_BYTES_MAX) {
			violate(st, "spec.tags", "a tag must have 1 to 256 bytes");
			break;
		}
	if (spec->n_annotations > SPEC_ANNOTATIONS_MAX)
		violate(st, "spec.annotations", "at most 64 annotations");
}

static bool wants_other_runner(const Spec *spec)
{
	for (size_t i = 0; i < spec->n_runner_ids; i++)
		if (!strcmp(spec->runner_ids[i], SPEC_RUNNER_ID))
			return false;
	return spec->n_runner_ids > 0;
}

int spec_check(const Spec *spec, struct grpc_status *st)
{
	const char *missing;

	check_volumes(spec, st);
	check_containers(spec, st);
	check_labels(spec, st);
	if (spec->max_lifetime_seconds < 0 || spec->max_lifetime_seconds > SANDBOX_LIFETIME_MAX_SEC)
		violate(st, "spec.max_lifetime_seconds", "must be from 0 to 2592000 (30 days)");
	if (st->code != GRPC_OK)
		return SPEC_E_REFUSED;
	missing = missing_in_spec(spec);
	if (missing)
		grpc_status_set(st, GRPC_UNIMPLEMENTED, NOT_IMPLEMENTED,
			"the local service has no %s", missing);
	else if (wants_other_runner(spec))
		grpc_status_set(st, GRPC_FAILED_PRECONDITION, NO_SUITABLE_RUNNER,
			"the local service has one runner, \"" SPEC_RUNNER_ID "\"");
	return st->code == GRPC_OK ? 0 : SPEC_E_REFUSED;
}

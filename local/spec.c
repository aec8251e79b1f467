#include "local/spec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "local/sandbox.h"

#define NOT_IMPLEMENTED "CWSANDBOX_NOT_IMPLEMENTED"
#define INVALID_REQUEST "CWSANDBOX_INVALID_REQUEST"
#define NO_SUITABLE_RUNNER "CWSANDBOX_NO_SUITABLE_RUNNER"

typedef Coreweave__Sandbox__V1__SandboxSpec Spec;
typedef Coreweave__Sandbox__V1__Container Container;

static void violate(struct grpc_status *st, const char *field, const char *what)
{
	if (st->code == GRPC_OK)
		grpc_status_set(st, GRPC_INVALID_ARGUMENT, INVALID_REQUEST,
			"the sandbox's spec is not valid");
	if (st->n_violations < GRPC_VIOLATIONS_MAX)
		grpc_status_add_violation(st, field, what);
}

/* ---- what there is not ---- */

static const char *missing_in_container(const Container *c)
{
	if (c->n_files)
		return "spec.containers.files";
	if (c->n_volume_mounts)
		return "spec.containers.volume_mounts";
	if (c->n_secret_stores)
		return "spec.containers.secret_stores";
	if (c->security_context)
		return "spec.containers.security_context";
	if (c->startup_probe)
		return "spec.containers.startup_probe";
	if ((c->resources && c->resources->gpu) ||
		(c->resource_requirements &&
			((c->resource_requirements->requests &&
				 c->resource_requirements->requests->gpu) ||
				(c->resource_requirements->limits &&
					c->resource_requirements->limits->gpu))))
		return "spec.containers.resources.gpu";
	return NULL;
}

static const char *missing_in_spec(const Spec *spec)
{
	if (spec->n_containers > 1)
		return "spec.containers beyond the first";
	if (spec->n_volumes)
		return "spec.volumes";
	if (spec->n_services)
		return "spec.services";
	if (spec->n_network_ids || *spec->network_config_id)
		return "spec.network_ids";
	if (spec->network)
		return "spec.network";
	if (spec->object_storage_access)
		return "spec.object_storage_access";
	return spec->n_containers ? missing_in_container(spec->containers[0]) : NULL;
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

static void check_container(const Container *c, struct grpc_status *st)
{
	if (!name_ok(c->name))
		violate(st, "spec.containers[0].name",
			"must be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends");
	if (!*c->image || strlen(c->image) > SPEC_TEXT_BYTES_MAX)
		violate(st, "spec.containers[0].image", "must be set");
	if (*c->working_dir && c->working_dir[0] != '/')
		violate(st, "spec.containers[0].working_dir", "must be an absolute path");
	if (!*c->command && c->n_args)
		violate(st, "spec.containers[0].command", "must be set when args are");
	for (size_t i = 0; i < c->n_environment_variables; i++)
		if (!spec_env_name_ok(c->environment_variables[i]->key)) {
			violate(st, "spec.containers[0].environment_variables",
				"a name must not be empty or hold '='");
			break;
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

	if (spec->n_containers < 1)
		violate(st, "spec.containers", "must have one container");
	else
		check_container(spec->containers[0], st);
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

int32_t spec_lifetime_sec(const Spec *spec)
{
	return spec->max_lifetime_seconds ? spec->max_lifetime_seconds
					  : SANDBOX_LIFETIME_DEFAULT_SEC;
}

bool spec_has_container(const Spec *spec, const char *name)
{
	name += strspn(name, " \t");
	if (!*name)
		return true;
	for (size_t i = 0; i < spec->n_containers; i++)
		if (!strcmp(spec->containers[i]->name, name))
			return true;
	return false;
}

/* ---- environments ---- */

int spec_env_set(struct spec_env *env, const char *name, const char *value)
{
	size_t l = strlen(name), i;
	char *entry, **v;

	if (asprintf(&entry, "%s=%s", name, value) < 0)
		return -ENOMEM;
	for (i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], name, l) && env->v[i][l] == '=')
			break;
	if (i < env->n) {
		free(env->v[i]);
		env->v[i] = entry;
		return 0;
	}
	v = reallocarray(env->v, env->n + 2, sizeof(*v));
	if (!v) {
		free(entry);
		return -ENOMEM;
	}
	env->v = v;
	v[env->n++] = entry;
	v[env->n] = NULL;
	return 0;
}

void spec_env_done(struct spec_env *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->v[i]);
	free(env->v);
	*env = (struct spec_env){ 0 };
}

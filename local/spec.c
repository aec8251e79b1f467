#include "local/spec.h"

#include <stdio.h>
#include <string.h>

#include "local/sandbox.h"

typedef Coreweave__Sandbox__V1__SandboxSpec Spec;
typedef Coreweave__Sandbox__V1__SandboxVolume Volume;

int32_t spec_lifetime_sec(const Spec *spec)
{
	return spec->max_lifetime_seconds ? spec->max_lifetime_seconds
					  : SANDBOX_LIFETIME_DEFAULT_SEC;
}

size_t spec_primary(const Spec *spec)
{
	for (size_t i = 0; i < spec->n_containers; i++)
		if (spec->containers[i]->opt_primary_case && spec->containers[i]->primary)
			return i;
	return 0;
}

/* A volume without a source is a scratch one. */
static bool is_scratch(const Volume *v)
{
	return v->source_case != COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_VOLUME_ID;
}

const Volume *spec_volume(const Spec *spec, const char *name)
{
	if (!*name)
		return spec->n_volumes == 1 && is_scratch(spec->volumes[0]) ? spec->volumes[0]
									    : NULL;
	for (size_t i = 0; i < spec->n_volumes; i++)
		if (!strcmp(spec->volumes[i]->name, name) && is_scratch(spec->volumes[i]))
			return spec->volumes[i];
	return NULL;
}

/* ---- what to launch ---- */

/* Where it goes among those before it, and they say the same only once: a parent's path sorts
 * before what is in it. */
static void add_mount(struct spec_plan *p, const Coreweave__Sandbox__V1__VolumeMount *m)
{
	size_t n = p->plan.n_mounts, at = 0;

	while (at < n && strcmp(p->mounts[at].path, m->mount_path) < 0)
		at++;
	if (n == LAUNCH_MOUNTS_MAX || (at < n && !strcmp(p->mounts[at].path, m->mount_path)))
		return;
	memmove(&p->mounts[at + 1], &p->mounts[at], (n - at) * sizeof(p->mounts[0]));
	p->mounts[at] = (struct launch_mount){ .volume = m->volume,
		.sub_path = m->sub_path,
		.path = m->mount_path,
		.read_only = m->read_only };
	p->plan.n_mounts++;
}

void spec_plan(const Spec *spec, const char *id, struct spec_plan *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->plan = (struct launch_plan){ .id = id,
		.volumes = ret->volumes,
		.n_volumes = min_size(spec->n_volumes, SPEC_VOLUMES_MAX),
		.mounts = ret->mounts };
	for (size_t i = 0; i < ret->plan.n_volumes; i++)
		ret->volumes[i] = spec->volumes[i]->name;
	for (size_t i = 0; i < spec->n_containers; i++)
		for (size_t k = 0; k < spec->containers[i]->n_volume_mounts; k++)
			add_mount(ret, spec->containers[i]->volume_mounts[k]);
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

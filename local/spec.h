/*
 * spec - what a sandbox is asked to be: checked, and read
 *
 * Pure. What the service cannot do is refused, never ignored.
 */
#ifndef LOCAL_SPEC_H
#define LOCAL_SPEC_H

#include "common/wire/grpc.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "local/launch.h"

#define SPEC_RUNNER_ID "local"
#define SPEC_TAGS_MAX 64
#define SPEC_TAG_BYTES_MAX 256
#define SPEC_NAME_BYTES_MAX 63
#define SPEC_TEXT_BYTES_MAX 4096 /* image, working folder, display name, one annotation */
#define SPEC_ANNOTATIONS_MAX 64
#define SPEC_CONTAINERS_MAX 16
#define SPEC_VOLUMES_MAX 16
#define SPEC_FILES_MAX 64
#define SPEC_FILES_BYTES_MAX ((size_t)3 * 1024 * 1024) /* of all mounted files together */

#define SPEC_E_REFUSED 1

/* SPEC_E_REFUSED: *st says why, with every violation (up to GRPC_VIOLATIONS_MAX). */
int spec_check(const Coreweave__Sandbox__V1__SandboxSpec *spec, struct grpc_status *st);
int32_t spec_lifetime_sec(const Coreweave__Sandbox__V1__SandboxSpec *spec);
/* Which container is the primary one: marked so, else the first. */
size_t spec_primary(const Coreweave__Sandbox__V1__SandboxSpec *spec);
bool spec_env_name_ok(const char *name);

/* What to launch: pointers into the spec, the mounts of all containers once, parents first. */
struct spec_plan {
	struct launch_plan plan;
	const char *volumes[SPEC_VOLUMES_MAX];
	struct launch_mount mounts[LAUNCH_MOUNTS_MAX];
};
void spec_plan(
	const Coreweave__Sandbox__V1__SandboxSpec *spec, const char *id, struct spec_plan *ret);
/* The scratch volume of that name, or "" for the only one; NULL: there is none, or there are
 * several. */
const Coreweave__Sandbox__V1__SandboxVolume *spec_volume(
	const Coreweave__Sandbox__V1__SandboxSpec *spec, const char *name);

/* The environment of a process, "NAME=value" each; later ones replace earlier ones of that name. */
struct spec_env {
	char **v; /* NULL-terminated */
	size_t n;
};
int spec_env_set(struct spec_env *env, const char *name, const char *value);
void spec_env_done(struct spec_env *env);

#endif

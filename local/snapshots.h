/*
 * snapshots - what the methods of sandboxes need of the methods of snapshots
 */
#ifndef LOCAL_SNAPSHOTS_H
#define LOCAL_SNAPSHOTS_H

#include "local/service.h"
#include "local/vault.h"

/* What a DeleteSandbox asks for. */
struct snapshots_at_end {
	char *const *volumes;
	size_t n; /* >= 1 */
	const char *request_id;
};

/* One of each volume into ret, to be made when the sandbox has ended; or those the same request
 * made before. false: the call was answered with why not. */
bool snapshots_at_end(struct call *call, const struct sandbox *sb,
	const struct snapshots_at_end *end, struct snapshot **ret);
/* Whether all that the spec restores from is ready; false: the call was answered. */
bool snapshots_to_restore_ok(struct call *call, const Coreweave__Sandbox__V1__SandboxSpec *spec);

#endif

/*
 * view - a sandbox as the message that clients and records get
 *
 * Parts of the message live in the view, others in the sandbox: it is for now.
 */
#ifndef LOCAL_VIEW_H
#define LOCAL_VIEW_H

#include "local/sandbox.h"
#include "local/spec.h"

struct view {
	Coreweave__Sandbox__V1__Sandbox sandbox;
	Coreweave__Sandbox__V1__SandboxStatus status;
	Google__Protobuf__Timestamp create, start, end;
	Coreweave__Sandbox__V1__ContainerStatus containers[SPEC_CONTAINERS_MAX],
		*list[SPEC_CONTAINERS_MAX];
};

const ProtobufCMessage *view_sandbox(struct view *v, const struct sandbox *sb);

#endif

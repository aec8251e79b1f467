/*
 * options - the command line of cwsandbox-local
 */
#ifndef LOCAL_OPTIONS_H
#define LOCAL_OPTIONS_H

#include "local/drain.h"
#include "local/launch.h"

#define OPTIONS_HOST_MAX 256

struct options {
	char host[OPTIONS_HOST_MAX];
	uint16_t port; /* 0: any */
	const char *port_file, *state_dir, *token_file, *fault_socket;
	enum isolation isolation;
	struct drain_limit drain;
	struct rootfs_arg rootfs[ROOTFS_MAX];
	size_t n_rootfs;
	bool plaintext, allow_remote, network, direct;
};

#define OPTIONS_E_DONE 1  /* help or version was said: exit 0 */
#define OPTIONS_E_USAGE 2 /* said why: exit 2 */

int options_parse(struct options *o, int argc, char **argv);

#endif

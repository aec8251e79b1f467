/*
 * bare - a core with a far side and two clients, without libcheck and without an allocation of its own
 *
 * For tests in which memory is short and for fuzzers: a broken property aborts. What the clients get is checked:
 * whole frames in the shape of the protocol, one after another.
 */
#ifndef TESTS_BARE_H
#define TESTS_BARE_H

#include "daemon/core/client.h"

#define BARE_N_CLIENTS 2
#define BARE_N_UP 64

struct bare_upstream {
	struct session *session; /* NULL: closed */
	size_t sent, consumed;
};

struct bare_client {
	struct client *client; /* NULL: closed */
	uint8_t rx[FRAME_MAX + 512 * 1024];
	size_t n_rx, n_frames;
	size_t room; /* of the socket, a turn */
};

struct bare {
	struct clock clock;
	struct core *core;
	struct bare_upstream up[BARE_N_UP];
	size_t n_up;
	struct request *request; /* the last that waits */
	struct bare_client clients[BARE_N_CLIENTS];
};

/* 0, or what core_new() said. Other failures leave a client NULL. */
int bare_init(struct bare *bare, size_t log_bytes, bool second_observes);
void bare_done(struct bare *bare); /* the core asserts that its ledger is at zero */
/* Turns until nothing is left for now; then `usec` pass. */
void bare_turns(struct bare *bare, uint64_t usec);
void bare_feed(struct bare *bare, size_t client, const uint8_t *data, size_t n);
/* As much of n bytes as the window of each session allows; it must be taken (without memory: may be). */
void bare_output(struct bare *bare, const uint8_t *data, size_t n, unsigned stream);

#endif

/*
 * sim_world - the parts of a seeded simulation of the fan-out: chance, a far side that writes what anybody can foretell,
 * clients who hold all they are sent to that; sim_fanout.c moves them
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <check.h>

#include "common/term/term.h"
#include "tests/fake.h"

#define N_PEERS 4
#define N_VIEWS 12
#define LOG_BYTES ((size_t)64 * 1024)

/* ck_assert() tells its place at each pass; for what is asked millions of times only a failure matters. */
#define MUST(cond) ((cond) ? (void)0 : ck_abort_msg("%s", #cond))

void rnd_seed(uint64_t n);
size_t rnd(size_t n); /* 0 to n - 1 */

/* ---- the far side ---- */

struct far {
	struct fake_upstream *up; /* NULL: none */
	struct session *session;
	uint64_t sent, input, signals; /* bytes */
	bool call, ended;
};

extern struct fake fake;
extern struct far fars[2]; /* the session, a call */

uint8_t byte_at(uint64_t offset); /* what it writes there */
/* Bytes of answers to what is asked before offset `end`. */
uint64_t answers_before(uint64_t end);
void far_send(struct far *f, size_t n); /* as far as the window allows */
void far_end(struct far *f);
/* Nobody is painted in the middle of a sequence: the program ends the one it is in, and writes what can be seen. */
void far_end_sequence(struct far *f);

/* ---- clients ---- */

/* An attachment as its client knows it. */
struct view {
	struct peer *peer; /* NULL: free */
	struct far *far;
	uint32_t id;
	bool lossless, painting, knows, raw, leaving;
	struct term
		*term; /* of a terminal that is painted from the start and whenever sizes change */
	size_t window;
	uint64_t got, acked, next;
	/* of the session */
	uint64_t told_cols, told_rows, told_clients;
	bool told_lead;
	char told_name; /* its first letter */
};

extern struct peer peers[N_PEERS];
extern struct view views[N_VIEWS];

struct view *free_view(void); /* NULL: none */
void view_free(struct view *v);
void start_peer(struct peer *p);
void kill_peer(struct peer *p);
/* What came for all of them: order, content, credit. */
void read_peers(void);
/* The result of what was begun; NULL: an error. Until its answer came: the asking itself is not what is simulated. */
const msgpack_object *ask(struct peer *p);
void do_input(struct view *v);
void do_resize(struct view *v);

#endif

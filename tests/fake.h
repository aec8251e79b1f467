/*
 * fake - a core with a clock, a far side and clients that a test drives by hand
 *
 * fake_turn() does what the rim's server_flush does: input up, output down as far as each peer's socket takes
 * it, then core_turn(), until nothing is left for now. Time passes only by fake_pass().
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include "daemon/core/client.h"

struct fake_upstream {
	struct list link; /* struct fake::upstreams */
	struct session *session;
	enum upstream_kind kind;
	char *command;  /* the first of argv, or the path */
	uint8_t *input; /* what was read of the session's input */
	size_t n_input, cap_input;
	size_t read_max; /* bytes a turn; 0 = takes nothing */
	size_t consumed, n_wakes, n_resizes, n_signals, uncertain;
	unsigned cols, rows;
	bool woken, closed, input_ended, has_signals;
	enum upstream_signal last_signal;
};

struct fake {
	struct clock clock;
	struct core_config config;
	struct core *core;
	struct list upstreams;   /* struct fake_upstream::link, newest last */
	struct request *request; /* the last that waits */
	size_t n_requests, n_cancelled, n_endpoints, n_traces;
	bool refuse_endpoint, refuse_open, answer_at_once;
	char last_key[64];
};

/* Fill fake->config between fake_init() and fake_start() for other limits than the defaults. */
void fake_init(struct fake *fake);
void fake_start(struct fake *fake);
/* Frees all; asserts that the ledger is at zero. */
void fake_done(struct fake *fake);
bool fake_turn_once(struct fake *fake);
void fake_turn(struct fake *fake);
void fake_pass(
	struct fake *fake, uint64_t usec); /* then a turn, as late as it may be for what is due */
void fake_run(struct fake *fake, uint64_t usec); /* with a turn at each deadline, and one at last */
struct fake_upstream *fake_last(struct fake *fake);

struct peer {
	struct fake *fake;
	struct client *client; /* NULL: closed */
	struct frame_out out;
	uint8_t *rx;
	size_t n_rx, cap_rx, pos_rx;
	size_t n_writes; /* times the core had something for it */
	size_t room;     /* bytes the socket takes until peer_drain(); SIZE_MAX = all */
	uint32_t next_id;
	struct frame frame; /* the last taken */
	bool has_frame, closed;
};

int peer_init(struct peer *p, struct fake *fake, bool observer);
void peer_done(struct peer *p);
void peer_close(struct peer *p);
/* The socket takes n more bytes. */
void peer_drain(struct peer *p, size_t n);
void peer_hello(struct peer *p); /* and its answer is checked */
void peer_feed(struct peer *p, const void *data, size_t n);

/* A request: begin, put n fields into p->out, send; its id. Does not turn. */
void peer_begin(struct peer *p, const char *method, size_t n_fields);
uint32_t peer_send(struct peer *p);
void peer_notify(struct peer *p, const char *method, size_t n_fields); /* then peer_send() */
/* The next frame received: stays until the next call. NULL: none. */
const struct frame *peer_next(struct peer *p);
/* Takes frames until the answer of `id`; fails the test if there is none. */
const struct frame *peer_answer(struct peer *p, uint32_t id);
/* Takes frames until a notification of that name; NULL: none. */
const struct frame *peer_note(struct peer *p, const char *method);
/* Turns, and expects a result, or the error `code`. */
const msgpack_object *peer_result(struct peer *p, uint32_t id);
void peer_refused(struct peer *p, uint32_t id, const char *code);

uint64_t field_u64(const msgpack_object *map, const char *key);
bool field_is(const msgpack_object *map, const char *key, const char *text);
bool field_bool(const msgpack_object *map, const char *key);

/* The usual beginnings. */
struct session *peer_create(struct peer *p, const char *name, unsigned cols, unsigned rows);
struct attach_how {
	const char *name;
	unsigned cols, rows;
	const char *role, *policy; /* NULL: default */
	bool raw;                  /* paint: false */
	bool take_over, exclusive;
	uint32_t replaces;     /* 0: none */
	const uint64_t *shown; /* NULL: nothing */
	bool below;            /* with shown */
	size_t window;         /* 0: default */
	uint64_t from;         /* 0: its terminal has no lines */
};
uint32_t peer_attach(struct peer *p, const struct attach_how *how); /* the attachment */
void peer_ack(struct peer *p, uint32_t attachment, uint64_t bytes);
uint32_t peer_input(struct peer *p, uint32_t attachment, const void *data, size_t n);

#endif

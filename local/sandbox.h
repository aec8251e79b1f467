/*
 * sandbox - the sandboxes there are and were: states, times, listing
 *
 * Pure: ids, times and what happened come in.
 *
 *     PENDING -> CREATING -> RUNNING -> COMPLETED | FAILED   its primary main process ended by itself
 *        |          |          |
 *        +----------+----------+--> TERMINATING -> TERMINATED   delete, lifetime, service's end
 *        +----------+----------+--> FAILED                      could not start, or lost its init
 *
 * One that ran when its service was killed is PENDING again, in the folder it had.
 *
 * Owner:   the registry owns one reference to each; whoever keeps a pointer over a turn holds
 *          another.
 * Units:   microseconds: `now` of a clock that never goes back, `wall` since the epoch.
 * Bounds:  SANDBOX_LIVE_MAX not ended; of ended ones the newest SANDBOX_ENDED_MAX are kept.
 */
#ifndef LOCAL_SANDBOX_H
#define LOCAL_SANDBOX_H

#include "common/clock.h"
#include "common/list.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "local/log.h"

#define SANDBOX_ID_BYTES 37 /* a UUID and its NUL */
#define SANDBOX_LIVE_MAX 1024
#define SANDBOX_ENDED_MAX 1000
#define SANDBOX_BUCKETS 1024 /* a power of two */
#define SANDBOX_REASON_BYTES 256
#define SANDBOX_REQUEST_ID_MAX 128
#define SANDBOX_LIFETIME_DEFAULT_SEC 600
#define SANDBOX_LIFETIME_MAX_SEC (30 * 24 * 3600)
#define SANDBOX_START_USEC (10 * USEC_PER_SEC)
#define SANDBOX_GRACE_SEC 10 /* of a lifetime that ended */
#define SANDBOX_GRACE_MAX_SEC 3600

#define SANDBOX_E_FULL 1
#define SANDBOX_E_CONFLICT 2
#define SANDBOX_E_UNEXPECTED 3

enum sandbox_event {
	SANDBOX_EV_LAUNCHED, /* its init was started */
	SANDBOX_EV_UP,       /* its main process runs */
	SANDBOX_EV_OK,       /* that ended with 0 */
	SANDBOX_EV_FAIL,     /* that ended otherwise, never started, or the init was lost */
	SANDBOX_EV_STOP,     /* it is to end */
	SANDBOX_EV_GONE,     /* no process of it is left */
	_SANDBOX_EVENT_N,
};

/* One of a sandbox's containers. They share its processes, files and network; each has a main
 * process. */
struct container {
	const char *name; /* in the spec */
	Coreweave__Sandbox__V1__State state;
	int32_t exit_code; /* 0 until it ended by itself */
	int32_t restart_count;
	struct log log; /* the main process's output */
};

struct sandbox {
	struct list link;   /* struct registry::all, oldest first */
	struct list bucket; /* struct registry::buckets */
	unsigned n_ref;
	char id[SANDBOX_ID_BYTES];
	uint64_t seq; /* order of creation */
	Coreweave__Sandbox__V1__State state;
	Coreweave__Sandbox__V1__SandboxSpec *spec; /* owned */
	char *display_name, *request_id;           /* never NULL */
	uint64_t request_hash;
	char reason[SANDBOX_REASON_BYTES];
	uint64_t create_wall_usec, start_wall_usec, end_wall_usec; /* 0: not yet */
	uint64_t life_usec;                                        /* from RUNNING on */
	bool kept; /* it ran before its service was killed: its folder is there */
	uint64_t start_by_usec, expires_usec, kill_usec; /* deadlines on `now`; 0: none */
	bool has_exit_code;
	int32_t exit_code;
	struct container *containers;
	size_t n_containers, primary;
	void *rim;
};

struct registry {
	struct list all;
	struct list buckets[SANDBOX_BUCKETS];
	size_t n_live, n_ended;
	uint64_t next_seq;
	int logs_fd; /* where the logs are; -1: nowhere */
	/* What is known of a sandbox changed, or is forgotten. NULL: nobody asks. */
	int (*changed)(const struct sandbox *sb, void *arg);
	void (*forgotten)(const struct sandbox *sb, void *arg);
	void *arg;
};

void registry_init(struct registry *reg);
void registry_done(struct registry *reg);

struct sandbox_new {
	const char *id;
	Coreweave__Sandbox__V1__SandboxSpec *spec; /* taken over on success */
	const char *display_name, *request_id;
	uint64_t request_hash;
};
/* SANDBOX_E_FULL: as many live ones as there may be; -errno of `changed`. */
int registry_add(struct registry *reg, const struct sandbox_new *what, const struct clock *clock,
	struct sandbox **ret);
/* One that a service before knew: it ended, or it is to start again. registry_sort() follows. */
struct sandbox_known {
	struct sandbox_new what;
	uint64_t seq;
	const Coreweave__Sandbox__V1__SandboxStatus *status;
};
int registry_adopt(struct registry *reg, const struct sandbox_known *known,
	const struct clock *clock, struct sandbox **ret);
void registry_sort(struct registry *reg);
struct sandbox *registry_find(struct registry *reg, const char *id);
/* The sandbox made by that request. SANDBOX_E_CONFLICT: the id was used for another one. */
int registry_find_request(
	struct registry *reg, const char *request_id, uint64_t hash, struct sandbox **ret);

struct sandbox_filter {
	char *const *tags;
	size_t n_tags;
	char *const *runner_ids;
	size_t n_runner_ids;
	bool show_ended, ascending, nothing;
	Coreweave__Sandbox__V1__State state; /* UNSPECIFIED: any */
};
/* Up to max of them that come after the sandbox `after` (0: from the start); *ret_more: there are
 * others. */
size_t registry_list(const struct registry *reg, const struct sandbox_filter *filter,
	uint64_t after, struct sandbox **ret, size_t max, bool *ret_more);

/* The only writer of `state`. SANDBOX_E_UNEXPECTED: this cannot happen in that state, and did not.
 */
int sandbox_step(
	struct registry *reg, struct sandbox *sb, enum sandbox_event ev, const struct clock *clock);
/* A main process started; true: it was the last one to. */
bool sandbox_container_up(struct sandbox *sb, size_t i);
/* A main process ended by itself. */
void sandbox_container_ended(struct sandbox *sb, size_t i, int32_t exit_code);
/* The container of that name, or the primary one for a blank name; NULL: none. */
struct container *sandbox_container(struct sandbox *sb, const char *name);
void sandbox_set_reason(struct sandbox *sb, const char *fmt, ...) _printf_(2, 3);
bool sandbox_ended(const struct sandbox *sb);
bool sandbox_live(const struct sandbox *sb); /* may be executed in */
const char *sandbox_state_name(Coreweave__Sandbox__V1__State state);

/* When sandbox_due() is to be asked next; 0: never. */
uint64_t sandbox_deadline(const struct sandbox *sb);
enum sandbox_due { SANDBOX_DUE_NONE, SANDBOX_DUE_START, SANDBOX_DUE_EXPIRED, SANDBOX_DUE_KILL };
enum sandbox_due sandbox_due(const struct sandbox *sb, uint64_t now_usec);

struct sandbox *sandbox_ref(struct sandbox *sb);
struct sandbox *sandbox_unref(struct sandbox *sb);

#endif

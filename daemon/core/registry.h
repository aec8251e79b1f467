/*
 * registry - the sessions that have a name
 *
 * Names are unique ([A-Za-z0-9._-]{1,64}); the default is the next of s1, s2, ... that is free. An
 * ended session stays until it was seen (an attach or wait delivered its exit code), 60 s passed
 * and nobody is attached to it, or until `linger`, or until 1,000 newer ones ended and nobody is
 * attached to it.
 *
 * Owner:   the registry holds pointers; sessions are freed by the core at the end of a turn.
 * Errors:  REGISTRY_E_TAKEN; -ENOMEM.
 */
#ifndef DAEMON_CORE_REGISTRY_H
#define DAEMON_CORE_REGISTRY_H

#include "common/list.h"
#include "common/text.h"

#define REGISTRY_ENDED_MAX 1000
#define REGISTRY_SEEN_USEC (60 * USEC_PER_SEC)
#define REGISTRY_E_TAKEN 1

struct session;

struct registry {
	struct session **by_name; /* sorted */
	size_t n, cap;
	struct list newest; /* struct session::link, newest last */
	struct list ended;  /* struct session::ended_link, in order of their end */
	size_t n_ended;
	uint64_t next_number;
};

void registry_init(struct registry *reg);
void registry_done(struct registry *reg); /* holds none any more */

/* Gives the session its name; n 0: the next free number. */
int registry_add(struct registry *reg, struct session *s, const char *name, size_t n);
int registry_rename(struct registry *reg, struct session *s, const char *name, size_t n);
void registry_remove(struct registry *reg, struct session *s);
struct session *registry_find(const struct registry *reg, const char *name, size_t n);
/* The newest session that has not ended, else NULL. */
struct session *registry_newest(const struct registry *reg);
/* The index of the first name after `name` (n 0: the first): walk by_name from there. */
size_t registry_after(const struct registry *reg, const char *name, size_t n);
void registry_ended(struct registry *reg, struct session *s); /* it did */
/* Who has to go before another one ends: the oldest of REGISTRY_ENDED_MAX that nobody is attached
 * to; NULL: nobody. */
struct session *registry_overdue(const struct registry *reg);

#endif

/*
 * record - what is kept of each sandbox, so that a service that comes after a kill still knows it
 *
 *     records/ID    a packed message
 *
 * Written when a sandbox is made, runs, is stopped and has ended, and whole or not at all; not
 * synced, for no sandbox outlives a power cut. Those that ended are listed again; those that ran
 * start again in their folders.
 */
#ifndef LOCAL_RECORD_H
#define LOCAL_RECORD_H

#include "local/box.h"
#include "local/state.h"

struct records {
	struct boxes *boxes;
	const struct state *state;
};

/* From now on the registry's changes are written. */
void records_init(struct records *rs, struct boxes *boxes, const struct state *state);
/* Reads them, and finds the logs; what belongs to no sandbox is removed. */
void records_load(struct records *rs);
/* Whether a sandbox's folder is one it goes on in. */
bool records_keep(const struct records *rs, const char *id);
/* Those that have not ended start. */
void records_start(struct records *rs);

#endif

/*
 * sim_disk - the sink of a recorder of the simulated session: slow, and at times full
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "common/util.h"

void disk_open(void);
void do_disk(bool may_fail);
bool disk_has_work(void);
/* Each byte was written, or counted as missing. */
void check_disk(void);
/* The session has ended, and it was told so. */
void disk_close(void);

#endif

/*
 * sim_company - who shares the simulated session: attaching, sizes, lead, lease, names, signals; and what everybody must
 * have been told of that, and nothing is left to be done, once nothing moves
 */
#ifndef TESTS_SIM_COMPANY_H
#define TESTS_SIM_COMPANY_H

#include "tests/sim_world.h"

void do_attach(void);
/* A step that moves no output; v: NULL or a view that does it. */
void do_company(struct view *v);
void check_company(void);

#endif

/*
 * sim_screen - what terminals show and get once nothing moves, for simulations
 */
#ifndef TESTS_SIM_SCREEN_H
#define TESTS_SIM_SCREEN_H

#include "common/term/term.h"
#include "daemon/core/session.h"

/* Whatever it missed, a terminal of the session's size is as the session's, and any other shows its part of it. */
void check_shown(const struct term *shown, const struct session *s);
/* Whoever can have raw output has it: nothing is left that would bring it later. */
void check_raw_again(const struct session *s);

#endif

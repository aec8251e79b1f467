/*
 * sim_screen - what terminals show and get once nothing moves, for simulations
 */
#ifndef TESTS_SIM_SCREEN_H
#define TESTS_SIM_SCREEN_H

#include "common/term/term.h"
#include "daemon/core/session.h"

/* Whatever it missed, a terminal of the session's size is as the session's, and any other shows its part of it. */
void check_shown(const struct term *shown, const struct session *s);
/* Nobody is owed any of the output, and whoever can have it raw does. */
void check_rest(const struct session *s);

#endif

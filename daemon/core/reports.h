/*
 * reports - what a terminal says of its mouse and its focus, before the program hears it
 *
 * A program has one terminal, whose size is the session's; a session has many. So:
 * Mouse:   what lies outside the session's screen is dropped. Of a button that went down inside
 *          what follows is told at the nearest edge, so that no button stays down for the program;
 *          of one that went down outside nothing is, wherever it goes. Pixels (mode 1016) pass.
 * Focus:   the program has it while one terminal that may type has: what one says is dropped while
 *          another one has the focus, but that it has it still.
 *
 * Pastes are text. A report that is torn over two writes passes as it is.
 */
#ifndef DAEMON_CORE_REPORTS_H
#define DAEMON_CORE_REPORTS_H

#include "common/term/term.h"
#include "daemon/core/inq.h"

/* Of one terminal. Buttons are bits. */
struct reports {
	uint16_t inside;  /* went down there */
	uint16_t outside; /* went down there: the program knows nothing of it */
	bool focused;
};

struct reports_rule {
	struct term_reporting asked; /* what the program has asked for: all else passes */
	unsigned cols, rows;         /* of the session's screen */
	bool others_focused;         /* another terminal has it */
};

/* Is there anything to look for? */
bool reports_matter(const struct reports_rule *rule);
/* What the program gets of `in`: at most n bytes, into out. `p` is where the paste stands before
 * them. */
size_t reports_filter(struct reports *r, const struct reports_rule *rule, struct inq_paste p,
	const uint8_t *in, size_t n, uint8_t *out);

#endif

/*
 * vterm_mend - libvterm 0.1.4 as an oracle, without those of its faults that can be mended
 *
 * A stream goes through a first libvterm that only parses; what it found goes on to a second one
 * that shows. In between, what the second is known to hear wrongly or not at all is said in words
 * it knows (doc/terminal.md, section 6). Nothing here knows the model.
 */
#ifndef TESTS_TERM_TOOLS_VTERM_MEND_H
#define TESTS_TERM_TOOLS_VTERM_MEND_H

#include <vterm.h>

#include "common/term/buf.h"

struct vterm_mend;

/* NULL without memory. */
struct vterm_mend *vterm_mend_new(int cols, int rows);
struct vterm_mend *vterm_mend_free(struct vterm_mend *m);

/* A character torn is lost. */
void vterm_mend_feed(struct vterm_mend *m, const char *bytes, size_t n);

bool vterm_mend_alternate(const struct vterm_mend *m);
VTermPos vterm_mend_cursor(const struct vterm_mend *m);

/* A cell; chars[0] is 0 for a blank, UINT32_MAX for the second half of a wide character. */
void vterm_mend_cell(const struct vterm_mend *m, int x, int y, VTermScreenCell *ret_cell);

/* How many columns it gives a character: what it does with one. */
int vterm_mend_columns(uint32_t code);

/* The attributes of a cell in the words of SGR, from 0 on. */
void vterm_mend_style(struct out *o, const VTermScreenCell *cell);

#endif

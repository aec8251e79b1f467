/*
 * width - how many columns a code point takes: 0 (it joins the cell before it), 1 or 2
 */
#ifndef COMMON_TERM_WIDTH_H
#define COMMON_TERM_WIDTH_H

#include "common/util.h"

#define WIDTH_CONTROL 3u /* U+0080 to U+009F: shown nowhere */

unsigned width_of(uint32_t code);

#endif

/*
 * lz - packs a block of bytes that repeat themselves: lines of history that nobody reads now
 *
 * Runs of literals and matches of four bytes and more, as LZ4 has them, in a form of our own: it
 * never leaves the process.
 * Units:   bytes; at most LZ_BLOCK_MAX at once.
 * Owner:   the caller has both buffers; nothing is allocated.
 */
#ifndef COMMON_TERM_LZ_H
#define COMMON_TERM_LZ_H

#include "common/util.h"

#define LZ_BLOCK_MAX ((size_t)65535)

/* Packs n bytes into out; how many it takes, 0 where they do not fit into `room`. */
size_t lz_pack(uint8_t *out, size_t room, const uint8_t *in, size_t n);
/* False: that is no packed block of exactly n bytes. */
bool lz_unpack(uint8_t *out, size_t n, const uint8_t *in, size_t n_in);

#endif

/*
 * uuid - a random UUID as text
 */
#ifndef COMMON_UUID_H
#define COMMON_UUID_H

#include "common/util.h"

#define UUID_BYTES 37 /* with its NUL */

/* -errno: the kernel has no random bytes. */
int uuid_make(char out[UUID_BYTES]);

#endif

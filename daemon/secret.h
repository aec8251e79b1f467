/*
 * secret - a key in memory that is locked, left out of dumps, and wiped before it goes
 *
 * Units:  bytes; at most SECRET_MAX.
 * Errors: -ENOMEM, -E2BIG. Where the kernel does not let us lock, the secret still works: secret_is_locked().
 */
#ifndef DAEMON_SECRET_H
#define DAEMON_SECRET_H

#include "common/util.h"

#define SECRET_MAX ((size_t)8192)

struct secret;

int secret_new(struct secret **ret, const char *text, size_t n);
struct secret *secret_free(struct secret *s);
DEFINE_CLEANUP(struct secret *, secret_free)

const char *secret_text(const struct secret *s); /* NUL-terminated; "" for NULL */
size_t secret_length(const struct secret *s);
bool secret_is_locked(const struct secret *s);
/* In time that tells nothing but the lengths. NULL equals NULL. */
bool secret_equal(const struct secret *a, const struct secret *b);

#endif

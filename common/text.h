/*
 * text - hostile text made safe to print, shell quoting, sizes and durations in words
 *
 * Errors: -EINVAL for text that is not what it should be, -ERANGE for what does not fit.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "common/util.h"

/* Makes text from outside one printable line: control characters, C1, bidi controls and invalid UTF-8 become
 * \xNN or \u{N}. Writes at most cap - 1 bytes and a NUL; what does not fit ends in "…". Returns out. */
char *text_encode(char *out, size_t cap, const char *text, size_t n);
/* The same into malloc'd memory of the right size; NULL without memory. */
char *text_encode_dup(const char *text);
/* A sentence about an error, formatted and made printable; hands `r` through. */
int text_because(char *why, size_t cap, int r, const char *fmt, ...) _printf_(4, 5);
/* argv as one line a POSIX shell reads back as the same argv. malloc'd; NULL without memory. */
char *text_shell_quote(const char *const *argv, size_t n);
/* "4M", "64K", "1048576": bytes. */
int text_parse_size(const char *s, uint64_t *ret_bytes);
/* "90", "90s", "5m", "24h", "7d": microseconds; a bare number is seconds. */
int text_parse_duration(const char *s, uint64_t *ret_usec);
/* A session's name: [A-Za-z0-9._-]{1,64}. */
#define TEXT_NAME_MAX 64
bool text_is_session_name(const char *s, size_t n);
/* Decodes one UTF-8 character: its length (1-4) and value, or 0 for bytes that are none. */
size_t text_utf8(const char *s, size_t n, uint32_t *ret_code);

#endif

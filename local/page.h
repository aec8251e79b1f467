/*
 * page - page sizes and page tokens of the methods that list
 *
 * A token is the last thing shown: 16 hexadecimal digits of its number.
 */
#ifndef LOCAL_PAGE_H
#define LOCAL_PAGE_H

#include "common/util.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000
#define PAGE_TOKEN_BYTES 17

struct page {
	size_t max;     /* entries, at least 1 */
	uint64_t after; /* the number of the last thing shown; 0: from the start */
};

/* asked: not negative. */
size_t page_size(int32_t asked);
void page_token(char out[PAGE_TOKEN_BYTES], uint64_t seq);
/* *ret 0 for "": from the start. -EINVAL: page_token() did not make it. */
int page_parse(const char *token, uint64_t *ret);

#endif

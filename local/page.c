#include "local/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t page_size(int32_t asked)
{
	return asked ? min_size((size_t)asked, PAGE_MAX) : PAGE_DEFAULT;
}

void page_token(char out[PAGE_TOKEN_BYTES], uint64_t seq)
{
	snprintf(out, PAGE_TOKEN_BYTES, "%016" PRIx64, seq);
}

int page_parse(const char *token, uint64_t *ret)
{
	*ret = 0;
	if (!*token)
		return 0;
	if (strlen(token) != PAGE_TOKEN_BYTES - 1 ||
		strspn(token, "0123456789abcdef") != PAGE_TOKEN_BYTES - 1)
		return -EINVAL;
	*ret = strtoull(token, NULL, 16);
	return *ret ? 0 : -EINVAL;
}

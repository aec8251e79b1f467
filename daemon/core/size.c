#include "daemon/core/size.h"

#include <string.h>

/* clang-format off */
static const char *const words[] = {
	[SIZE_LEAD] = "lead", [SIZE_LATEST] = "latest", [SIZE_SMALLEST] = "smallest",
	[SIZE_LARGEST] = "largest",
};
/* clang-format on */

/* Digits up to `stop` or the end; how many bytes. 0: no number in 1..max. */
static size_t parse_number(const char *s, size_t n, unsigned max, unsigned *ret)
{
	unsigned v = 0;
	size_t i;

	for (i = 0; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
		v = v * 10 + (unsigned)(s[i] - '0');
		if (v > max)
			return 0;
	}
	if (v == 0)
		return 0;
	*ret = v;
	return i;
}

int size_parse(const char *text, size_t n, struct size_policy *ret)
{
	struct size_policy p = { .kind = SIZE_FIXED };
	size_t l;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (n != strlen(words[i]) || memcmp(text, words[i], n) != 0)
			continue;
		*ret = (struct size_policy){ .kind = (enum size_kind)i };
		return 0;
	}
	l = parse_number(text, n, SIZE_COLS_MAX, &p.cols);
	if (l == 0 || l == n || text[l] != 'x')
		return -EINVAL;
	l++;
	if (l + parse_number(text + l, n - l, SIZE_ROWS_MAX, &p.rows) != n || p.rows == 0)
		return -EINVAL;
	*ret = p;
	return 0;
}

static char *format_number(char *out, unsigned v)
{
	char digits[12];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*out++ = digits[--n];
	return out;
}

const char *size_format(const struct size_policy *policy, char out[SIZE_TEXT_MAX])
{
	char *p = out;

	if (policy->kind != SIZE_FIXED)
		return words[policy->kind];
	p = format_number(p, policy->cols);
	*p++ = 'x';
	p = format_number(p, policy->rows);
	*p = '\0';
	return out;
}

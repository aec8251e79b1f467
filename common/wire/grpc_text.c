/* The text forms of gRPC's headers: percent-encoded messages, base64 details, timeouts. */
#include <stdio.h>
#include <string.h>

#include "common/wire/grpc_status.h"

static const char hex_digits[] = "0123456789ABCDEF";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *grpc_percent_encode(const char *s, size_t max)
{
	size_t n = strnlen(s, max);
	char *out = malloc(3 * n + 1), *at = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];

		if (c >= 0x20 && c < 0x7f && c != '%') {
			*at++ = (char)c;
			continue;
		}
		*at++ = '%';
		*at++ = hex_digits[c >> 4];
		*at++ = hex_digits[c & 15];
	}
	*at = '\0';
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* What is no escape, or escapes a NUL, stays as it came. */
char *grpc_percent_decode(const char *s, size_t max)
{
	size_t cap = min_size(strlen(s), max), n = 0;
	char *out = malloc(cap + 1);

	if (!out)
		return NULL;
	for (; *s && n < cap; s++) {
		int high = *s == '%' ? hex_value(s[1]) : -1;
		int low = high >= 0 ? hex_value(s[2]) : -1;

		if (low >= 0 && high + low > 0) {
			out[n++] = (char)(high << 4 | low);
			s += 2;
		} else {
			out[n++] = *s;
		}
	}
	out[n] = '\0';
	return out;
}

static int base64_value(char c)
{
	const char *p = c ? strchr(base64_digits, c) : NULL;

	return p ? (int)(p - base64_digits) : -1;
}

uint8_t *grpc_base64_decode(const char *s, size_t *ret_n)
{
	size_t length = strlen(s), n = 0;
	uint32_t bits = 0;
	uint8_t *out;

	if (length >= 4 && length % 4 == 0)
		length -= s[length - 1] != '=' ? 0 : s[length - 2] != '=' ? 1 : 2;
	if (length % 4 == 1)
		return NULL;
	out = malloc(length / 4 * 3 + 3);
	for (size_t i = 0; out && i < length; i++) {
		int v = base64_value(s[i]);

		if (v < 0) {
			free(out);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)v;
		if (i % 4)
			out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*ret_n = n;
	return out;
}

char *grpc_base64_encode(const uint8_t *data, size_t n)
{
	char *out = malloc(n / 3 * 4 + 5), *at = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = (uint32_t)data[i] << 16;

		if (i + 1 < n)
			bits |= (uint32_t)data[i + 1] << 8;
		if (i + 2 < n)
			bits |= data[i + 2];
		*at++ = base64_digits[bits >> 18];
		*at++ = base64_digits[bits >> 12 & 63];
		if (i + 1 < n)
			*at++ = base64_digits[bits >> 6 & 63];
		if (i + 2 < n)
			*at++ = base64_digits[bits & 63];
	}
	*at = '\0'; /* unpadded, as the gRPC specification wants binary headers sent */
	return out;
}

/* Units of grpc-timeout, finest first. */
static const struct {
	char letter;
	uint64_t nsec;
} units[] = {
	{ 'n', 1 },
	{ 'u', 1000 },
	{ 'm', 1000000 },
	{ 'S', UINT64_C(1000000000) },
	{ 'M', UINT64_C(60000000000) },
	{ 'H', UINT64_C(3600000000000) },
};

#define TIMEOUT_VALUE_MAX 99999999 /* 8 digits */

int grpc_timeout_parse(const char *s, uint64_t *ret_usec)
{
	uint64_t value = 0;
	size_t n;

	for (n = 0; s[n] >= '0' && s[n] <= '9'; n++) {
		if (n == 8)
			return -EINVAL;
		value = value * 10 + (uint64_t)(s[n] - '0');
	}
	if (n == 0 || !s[n] || s[n + 1])
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].letter != s[n])
			continue;
		/* 8 digits of hours fit in microseconds; only nanoseconds round */
		*ret_usec = units[i].nsec >= 1000 ? value * (units[i].nsec / 1000)
						  : (value + 999) / 1000;
		return 0;
	}
	return -EINVAL;
}

void grpc_timeout_format(uint64_t usec, char out[GRPC_TIMEOUT_TEXT_MAX])
{
	uint64_t value = TIMEOUT_VALUE_MAX;
	char letter = 'H';

	for (size_t i = 1; i < ARRAY_SIZE(units); i++) {
		uint64_t unit = units[i].nsec / 1000;
		uint64_t up = usec / unit + (usec % unit ? 1 : 0);

		if (up <= TIMEOUT_VALUE_MAX) {
			value = up;
			letter = units[i].letter;
			break;
		}
	}
	snprintf(out, GRPC_TIMEOUT_TEXT_MAX, "%u%c", (unsigned)value, letter);
}

#include "client/keys.h"

#include <stdio.h>
#include <string.h>

#define ESC 0x1b
#define MODS_CTRL 4u
#define MODS_LOCKS (64u | 128u) /* caps lock and num lock do not make another key */

/* ---- the notation ---- */

static int parse_key(const char *s, size_t n, uint8_t *ret)
{
	static const char others[] = "@[\\]^_";

	if (n == 1 && *s > ' ' && *s <= '~') {
		*ret = (uint8_t)*s;
		return 0;
	}
	if (n != 6 || strncmp(s, "ctrl-", 5) != 0)
		return -EINVAL;
	if ((s[5] >= 'a' && s[5] <= 'z') || (s[5] && strchr(others, s[5]))) {
		*ret = s[5] & 0x1f;
		return 0;
	}
	return -EINVAL;
}

int keys_init(struct keys *k, const char *notation)
{
	const char *at = notation;

	*k = (struct keys){ .at = 0 };
	for (;;) {
		size_t n = strcspn(at + (*at == ','), ",") +
			   (*at == ','); /* a comma may itself be no key */
		int r;

		if (k->n_sequence == KEYS_MAX)
			return -EINVAL;
		r = parse_key(at, n, &k->sequence[k->n_sequence]);
		if (r)
			return r;
		k->n_sequence++;
		if (!at[n])
			return 0;
		at += n + 1;
	}
}

const char *keys_name(char buf[16], uint8_t key)
{
	if (key < 0x20)
		snprintf(buf, 16, "Ctrl-%c", key + '@');
	else
		snprintf(buf, 16, "%c", key);
	return buf;
}

/* ---- one key of the input ---- */

struct key {
	size_t n;      /* its bytes */
	bool is_plain; /* `code` says which: a control or plain character */
	uint8_t code;
	bool is_release; /* told by terminals that report them: it means nothing to us */
	bool is_torn;    /* more bytes are needed to know */
};

/* Numbers of a CSI sequence, `;` and `:` apart; at most as many as a key has. */
struct numbers {
	unsigned v[6];
	char before[6]; /* the separator in front */
	size_t n;
};

/* The length of the sequence at in, 0 if it is torn; `final` is its last byte. */
static size_t scan_csi(const uint8_t *in, size_t n, struct numbers *ret, uint8_t *final)
{
	*ret = (struct numbers){ .n = 1 };
	for (size_t i = 2; i < n && i < KEYS_SEQUENCE_MAX; i++) {
		uint8_t c = in[i];

		if (c >= '0' && c <= '9') {
			unsigned *v = &ret->v[ret->n - 1];

			*v = *v < 100000 ? *v * 10 + (c - '0') : *v;
		} else if ((c == ';' || c == ':') && ret->n < ARRAY_SIZE(ret->v)) {
			ret->before[ret->n++] = (char)c;
		} else {
			*final = c;
			return i + 1;
		}
	}
	return 0;
}

/* A control character as terminals with extended keys write it. */
static bool decode_ctrl(unsigned code, unsigned mods, uint8_t *ret)
{
	if (mods == 0 || ((mods - 1) & ~MODS_LOCKS) != MODS_CTRL)
		return false;
	if (code < '@' || code > 'z' || (code > '_' && code < 'a'))
		return false;
	*ret = code & 0x1f;
	return true;
}

static bool decode_plain(unsigned code, unsigned mods, uint8_t *ret)
{
	if (mods && (mods - 1) & ~MODS_LOCKS)
		return false;
	if (code <= ' ' || code > '~')
		return false;
	*ret = (uint8_t)code;
	return true;
}

static void decode_csi(struct key *k, const struct numbers *v, uint8_t final)
{
	unsigned code = 0, mods = 0, event = 1;

	if (final == 'u') {
		size_t i = 1;

		code = v->v[0];
		while (i < v->n && v->before[i] == ':')
			i++; /* alternates of the key */
		mods = i < v->n ? v->v[i] : 0;
		if (i + 1 < v->n && v->before[i + 1] == ':')
			event = v->v[i + 1];
	} else if (final == '~' && v->n == 3 && v->v[0] == 27) {
		mods = v->v[1];
		code = v->v[2];
	} else {
		return;
	}
	k->is_plain = decode_ctrl(code, mods, &k->code) || decode_plain(code, mods, &k->code);
	k->is_release = k->is_plain && event == 3;
}

/* The key at the front of n > 0 bytes. A lone ESC, or ESC [, is passed at once unless a read may have
 * torn it: a person may have typed just that. */
static struct key next_key(const uint8_t *in, size_t n, bool extended)
{
	struct key k = { .n = 1, .is_plain = true, .code = in[0] };
	struct numbers v;
	uint8_t final = 0;

	if (in[0] != ESC)
		return k;
	k.is_plain = false;
	if (extended && (n == 1 || (n == 2 && in[1] == '[')))
		k.is_torn = true;
	if (n < 3 || in[1] != '[' || in[2] < '0' || in[2] > '9')
		return k;
	k.n = scan_csi(in, n, &v, &final);
	if (k.n) {
		decode_csi(&k, &v, final);
	} else {
		k.is_torn = n < KEYS_SEQUENCE_MAX;
		k.n = 1;
	}
	return k;
}

/* ---- passing on ---- */

struct sink {
	uint8_t *out;
	size_t n;
};

/* Follows ESC [ 2 0 0 ~ and ESC [ 2 0 1 ~ in what passes, also torn. */
static void follow_paste(struct keys *k, uint8_t c)
{
	static const uint8_t bracket[6] = { ESC, '[', '2', '0', 0, '~' };

	if (k->bracket == 4 && (c == '0' || c == '1')) {
		k->bracket_kind = c;
		k->bracket++;
	} else if (k->bracket != 4 && c == bracket[k->bracket]) {
		k->bracket++;
	} else {
		k->bracket = c == ESC;
	}
	if (k->bracket < sizeof(bracket))
		return;
	k->in_paste = k->bracket_kind == '0';
	k->bracket = 0;
}

static void pass(struct keys *k, struct sink *s, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		follow_paste(k, data[i]);
	memcpy(s->out + s->n, data, n);
	s->n += n;
}

static void pass_held(struct keys *k, struct sink *s)
{
	pass(k, s, k->held, k->n_held);
	k->at = k->n_held = 0;
}

static void hold(struct keys *k, const uint8_t *data, size_t n)
{
	memcpy(k->held + k->n_held, data, n);
	k->n_held += n;
}

static bool is_key(const struct key *key, uint8_t code)
{
	return key->is_plain && key->code == code;
}

/* The key after a prefix of one key. */
static enum keys_action after_prefix(
	struct keys *k, struct sink *s, const uint8_t *data, const struct key *key)
{
	enum keys_action action = KEYS_NONE;

	if (is_key(key, k->sequence[0])) {
		pass_held(k, s); /* twice: once */
		return KEYS_NONE;
	}
	if (is_key(key, '?'))
		action = KEYS_HELP;
	else if (is_key(key, 'l'))
		action = KEYS_LEAD;
	if (action) {
		k->at = k->n_held = 0;
		return action;
	}
	pass_held(k, s);
	pass(k, s, data, key->n);
	return KEYS_NONE;
}

static enum keys_action take_key(
	struct keys *k, struct sink *s, const uint8_t *data, const struct key *key)
{
	if (k->in_paste) {
		pass(k, s, data, key->n);
		return KEYS_NONE;
	}
	if (key->is_release && k->at) {
		hold(k, data, min_size(key->n, sizeof(k->held) - k->n_held));
		return KEYS_NONE; /* of the prefix itself, or of Ctrl */
	}
	if (!key->is_release && is_key(key, k->sequence[k->at])) {
		if (k->at + 1 == k->n_sequence) {
			k->at = k->n_held = 0;
			return KEYS_DETACH;
		}
		k->at++;
		hold(k, data, min_size(key->n, sizeof(k->held) - k->n_held));
		return KEYS_NONE;
	}
	if (k->at == 1 && k->n_sequence == 2)
		return after_prefix(k, s, data, key);
	pass_held(k, s);
	if (!key->is_release && k->n_sequence > 1 && is_key(key, k->sequence[0])) {
		k->at = 1;
		hold(k, data, key->n);
		return KEYS_NONE;
	}
	pass(k, s, data, key->n);
	return KEYS_NONE;
}

/* Completes a sequence that a read tore: bytes of in that it took; 0 once there is none. */
static size_t join_partial(
	struct keys *k, const uint8_t *in, size_t n, struct sink *s, enum keys_action *action)
{
	size_t before = k->n_partial, add = min_size(n, sizeof(k->partial) - before);
	struct key key;

	memcpy(k->partial + before, in, add);
	key = next_key(k->partial, before + add, k->extended);
	if (key.is_torn) {
		k->n_partial = before + add;
		return add;
	}
	k->n_partial = 0;
	if (key.n <= before) { /* no key: what was kept goes on as it is */
		pass_held(k, s);
		pass(k, s, k->partial, before);
		return 0;
	}
	*action = take_key(k, s, k->partial, &key);
	return key.n - before;
}

enum keys_action keys_feed(
	struct keys *k, const uint8_t *in, size_t n, size_t *ret_used, uint8_t *out, size_t *ret_n)
{
	struct sink s = { .out = out };
	enum keys_action action = KEYS_NONE;
	size_t at = 0;

	if (k->n_partial && n > 0)
		at = join_partial(k, in, n, &s, &action);
	while (at < n && action == KEYS_NONE && !k->n_partial) {
		struct key key = next_key(in + at, n - at, k->extended);

		if (key.is_torn) {
			k->n_partial = n - at;
			memcpy(k->partial, in + at, n - at);
			at = n;
			break;
		}
		action = take_key(k, &s, in + at, &key);
		at += key.n;
	}
	*ret_used = k->n_partial ? n : at;
	*ret_n = s.n;
	return action;
}

size_t keys_first(const uint8_t *in, size_t n)
{
	size_t l = in[0] == ESC ? n : 1;

	while (l < n && (in[l] & 0xc0) == 0x80)
		l++; /* the rest of a character */
	return l;
}

bool keys_holds(const struct keys *k)
{
	return k->n_partial > 0 && k->n_partial <= 2;
}

size_t keys_flush(struct keys *k, uint8_t *out)
{
	struct sink s = { .out = out };

	if (!keys_holds(k))
		return 0;
	pass_held(k, &s);
	pass(k, &s, k->partial, k->n_partial);
	k->n_partial = 0;
	return s.n;
}

/*
 * keys - what is typed at an attached terminal: detach keys found, everything else passed on
 *
 * A detach sequence is one or more keys. With exactly two, the first is a prefix that also takes:
 * `?` help, `l` the lead, and the prefix again, which sends it once. Prefix and any other key sends
 * both. A key that stands for a control character is also found as CSI code;mods u (kitty) and CSI
 * 27;mods;code ~ (modifyOtherKeys). Never inside a bracketed paste. No timeouts: state lasts until
 * the next key, but for a lone ESC, or ESC [, where keys may come in that form (`extended`): it is
 * held until the next byte, or until the caller, after KEYS_TORN_MS, calls keys_flush().
 *
 * Owner: the caller; no memory of its own.
 */
#ifndef CLIENT_KEYS_H
#define CLIENT_KEYS_H

#include "common/util.h"

#define KEYS_MAX 8           /* keys of a detach sequence */
#define KEYS_SEQUENCE_MAX 32 /* bytes of an escape sequence that may be a key */
#define KEYS_TORN_MS 100
#define KEYS_DEFAULT "ctrl-\\,d"
/* Bytes keys_feed() may add to those of its input: what was held back. */
#define KEYS_HELD_MAX (KEYS_MAX * KEYS_SEQUENCE_MAX)

enum keys_action { KEYS_NONE, KEYS_DETACH, KEYS_HELP, KEYS_LEAD };

struct keys {
	uint8_t sequence[KEYS_MAX]; /* as control or plain characters */
	size_t n_sequence;
	size_t at;                   /* keys of the sequence matched so far */
	uint8_t held[KEYS_HELD_MAX]; /* their bytes as they came, not passed on yet */
	size_t n_held;
	uint8_t partial[KEYS_SEQUENCE_MAX]; /* a key's escape sequence, torn by a read */
	size_t n_partial;
	bool extended; /* set by the caller: the terminal was told to write keys as CSI */
	bool in_paste;
	uint8_t bracket; /* how much of ESC [ 2 0 x ~ has passed */
	uint8_t bracket_kind;
};

/* Docker's notation: keys separated by commas, each a character or ctrl- and one of a-z @ [ \ ] ^
 * _. -EINVAL. */
int keys_init(struct keys *k, const char *notation);
/*
 * Takes input up to an action or its end; *ret_used bytes of it. out must have room for n +
 * KEYS_HELD_MAX + KEYS_SEQUENCE_MAX bytes; *ret_n of it are to be sent.
 */
enum keys_action keys_feed(
	struct keys *k, const uint8_t *in, size_t n, size_t *ret_used, uint8_t *out, size_t *ret_n);
/* Bytes of the first key of n > 0; an escape sequence takes all that came with it. */
size_t keys_first(const uint8_t *in, size_t n);
/* What is held may be a key of its own: keys_flush() is due. */
bool keys_holds(const struct keys *k);
/* Passes it on: at most KEYS_HELD_MAX + KEYS_SEQUENCE_MAX bytes. Returns how many. */
size_t keys_flush(struct keys *k, uint8_t *out);
/* The first key in words, as "Ctrl-\"; and the last. */
const char *keys_name(char buf[16], uint8_t key);

#endif

/*
 * parse - bytes to actions: the state machine of the VT500 family (after P. Williams), one byte a
 * step
 *
 * The model and the filter drive the same machine, so that both see the same sequences. 8-bit C1
 * controls are off: bytes from 0x80 are text in ground state, content in strings, and spoil any
 * other sequence. A control string is kept or passed on by the caller; it ends with BEL (OSC only)
 * or ESC \. CAN, SUB and an ESC that begins something else end it unheard.
 */
#ifndef COMMON_TERM_PARSE_H
#define COMMON_TERM_PARSE_H

#include "common/util.h"

#define PARSE_PARAMS_MAX 32       /* with sub-parameters; further ones are not seen */
#define PARSE_PARAM_MAX 65535     /* larger values are cut to it */
#define PARSE_INTERMEDIATES_MAX 2 /* a sequence with more is ignored to its end */

enum parse_state {
	PARSE_GROUND,
	PARSE_ESCAPE,
	PARSE_ESCAPE_INTER,
	PARSE_CSI_ENTRY,
	PARSE_CSI_PARAM,
	PARSE_CSI_INTER,
	PARSE_CSI_IGNORE,
	PARSE_DCS_ENTRY,
	PARSE_DCS_PARAM,
	PARSE_DCS_INTER,
	PARSE_DCS_IGNORE,
	PARSE_STRING,
	PARSE_STRING_ESCAPE,
	_PARSE_STATE_N,
};

enum parse_action {
	PARSE_NONE,
	PARSE_AGAIN,        /* the byte was not taken and ground state is reached: give it again */
	PARSE_EXECUTE,      /* a C0 control, maybe inside a sequence */
	PARSE_ESC,          /* a whole escape sequence: intermediates, final */
	PARSE_CSI,          /* private marker, parameters, intermediates, final */
	PARSE_CSI_BAD,      /* the end of a control sequence that is none */
	PARSE_STRING_BEGIN, /* kind; for DCS with its parameters, intermediates, final */
	PARSE_STRING_PUT,
	PARSE_STRING_END,
	PARSE_ABORT,       /* what was open ends unheard; after an ESC the next sequence is open */
	PARSE_ABORT_AGAIN, /* so too, and the byte belongs after that ESC: give it again */
};

struct parse {
	uint8_t state;
	uint8_t kind;    /* of a string: ']' OSC, 'P' DCS, '_' APC, '^' PM, 'X' SOS */
	bool bell;       /* the string ended with BEL */
	bool ignored;    /* the string's introducer was none: content is of no use */
	uint8_t private; /* one of <=>? or 0 */
	uint8_t intermediates[PARSE_INTERMEDIATES_MAX];
	uint8_t n_intermediates;
	uint8_t final;
	uint8_t n_params;
	bool overflow;                    /* parameters beyond the last are being skipped */
	bool cut;                         /* that, or a value beyond PARSE_PARAM_MAX */
	uint32_t sub;                     /* bit i: params[i] follows a colon */
	int32_t params[PARSE_PARAMS_MAX]; /* -1 = not given */
};

enum parse_action parse_byte(struct parse *p, uint8_t b);
/* In ground state, with an ESC first: a plain control sequence that is whole in the span, as the bytes
 * one by one would give it, ending in PARSE_CSI. Its length; 0: not one of these, nothing was taken. */
size_t parse_csi(struct parse *p, const uint8_t *s, size_t n);
/* Parameter i, or `absent` where it was not given or is 0. */
static inline unsigned parse_param(const struct parse *p, unsigned i, unsigned absent)
{
	return i < p->n_params && p->params[i] > 0 ? (unsigned)p->params[i] : absent;
}

/* For case labels, which take no function; a plain sequence is its final byte alone. */
#define PARSE_KEY(private, inter, final)                                                           \
	((uint32_t)(private) << 16 | (uint32_t)(inter) << 8 | (uint32_t)(final))

/* One number for what a dispatch looks at: private marker, intermediates and final. */
static inline uint32_t parse_key(const struct parse *p)
{
	unsigned inter = p->n_intermediates ? p->intermediates[0] : 0;

	if (p->n_intermediates > 1)
		inter = 0xff; /* no sequence of ours has two */
	return PARSE_KEY(p->private, inter, p->final);
}

/* Bytes of plain text, 0x20 to 0x7e, at the start of a span. */
size_t parse_ascii(const uint8_t *s, size_t n);

/* ---- UTF-8, one byte at a time ---- */

#define UTF8_REPLACEMENT 0xfffdu

struct utf8 {
	uint32_t code;
	uint8_t need, have;  /* bytes still missing; bytes taken */
	uint8_t least, most; /* of the next byte */
};

enum utf8_result {
	UTF8_MORE,
	UTF8_DONE,  /* *ret_code is the character; the byte was taken */
	UTF8_BAD,   /* one replacement character; the byte was taken */
	UTF8_AGAIN, /* one replacement character for what came before; the byte was not taken */
};

/* A whole and right character of two bytes and more at the start of n bytes: its length, else 0. */
size_t utf8_whole(const uint8_t *s, size_t n, uint32_t *ret_code);
enum utf8_result utf8_byte(struct utf8 *u, uint8_t b, uint32_t *ret_code);
/* Writes 1 to 4 bytes. */
size_t utf8_put(uint8_t out[4], uint32_t code);

#endif

/*
 * fault - trouble on request, for whoever tests a client: the commands, and what is yet to go wrong
 *
 * Pure: lines come in. A command is one line: a word, its values, options as NAME=VALUE or
 * a word of their own, and after "--" a text. cwsandbox-local(1) lists them.
 *
 * Units:  bytes, microseconds.
 * Bounds: FAULT_LINE_MAX, FAULT_PLANNED_MAX; ranges of values in the table of fault.c.
 * Errors: FAULT_E_WRONG with a sentence that says what is wrong with the line.
 */
#ifndef LOCAL_FAULT_H
#define LOCAL_FAULT_H

#include "common/list.h"
#include "common/wire/grpc.h"

#define FAULT_LINE_MAX ((size_t)1024) /* bytes, without the line's end */
#define FAULT_PLANNED_MAX 64          /* commands `status` that still have calls to answer */
#define FAULT_WORD_MAX 64             /* characters of a method, sandbox, reason or code */
#define FAULT_WHY_MAX 256
#define FAULT_SECONDS_MAX 86400
#define FAULT_DELAY_MSEC_MAX 60000
#define FAULT_COUNT_MAX 1000000

#define FAULT_E_WRONG 1
#define FAULT_E_FULL 2

enum fault_verb {
	FAULT_HELP,
	FAULT_LIST,
	FAULT_CLEAR,
	FAULT_RST,
	FAULT_GOAWAY,
	FAULT_REFUSE,
	FAULT_BLACKHOLE,
	FAULT_DELAY,
	FAULT_STALL,
	FAULT_STREAMS,
	FAULT_STATUS,
	FAULT_FAIL,
	FAULT_END,
	_FAULT_VERB_N,
};

struct fault_command {
	enum fault_verb verb;
	uint64_t number; /* seconds, milliseconds or streams */
	uint64_t count;  /* status: calls */
	int code;        /* status, fail: enum grpc_code */
	bool on;         /* stall */
	bool all;        /* not only the newest that fits */
	bool next;       /* goaway: before the next call */
	bool has_retry;  /* RetryInfo, after: */
	uint64_t retry_usec;
	char word[FAULT_WORD_MAX + 1]; /* end: the code in the stream */
	char method[FAULT_WORD_MAX + 1], sandbox[FAULT_WORD_MAX + 1]; /* "": any */
	char reason[FAULT_WORD_MAX + 1];
	char text[FAULT_LINE_MAX + 1];
};

int fault_parse(const char *line, struct fault_command *ret, char why[FAULT_WHY_MAX]);
/* What `help` answers. */
void fault_help(char *out, size_t cap);
/* The status that a command `status` or `fail` gives to a call. */
void fault_status(const struct fault_command *c, struct grpc_status *ret);

/* What is to go wrong for as long as nothing else is said. */
struct faults {
	struct list planned; /* struct planned::link, in the order they came */
	size_t n_planned;
	uint64_t delay_usec;
	bool stalled;
	uint32_t streams; /* 0: as ever */
	bool goaway_next;
};

void faults_init(struct faults *f);
void faults_clear(struct faults *f);
/* A command `status`. FAULT_E_FULL, -ENOMEM. */
int faults_plan(struct faults *f, const struct fault_command *c);
/* Whether this call is to fail, and with what. */
bool faults_take(struct faults *f, const char *method, struct grpc_status *ret);

#endif

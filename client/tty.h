/*
 * tty - the user's terminal: raw mode entered and left in one place, its size, and the signals that
 * matter to it
 *
 * One struct tty at a time (signals are the process's). tty_leave() may be called in any state,
 * also twice.
 * Errors: -errno.
 */
#ifndef CLIENT_TTY_H
#define CLIENT_TTY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#define TTY_N_CAUGHT 11 /* signals that an open tty catches */

struct tty {
	int in, out;  /* stdin; a descriptor of our own for stdout that does not block */
	bool own_out; /* else `out` is the caller's, and its flags are put back */
	int out_flags;
	bool raw;
	struct termios saved;
	int signals[2]; /* pipe: readable when a signal came */
	struct sigaction before[TTY_N_CAUGHT];
};

/* stdin and stdout are terminals. */
bool tty_is_terminal(void);
/* COLUMNS and LINES where set and positive, else the terminal of fd, else 80 x 24. */
void tty_size(int fd, unsigned *ret_cols, unsigned *ret_rows);

/* For what comes before raw mode and may take a while: keys wait unechoed in the kernel for who is
 * attached then, and only Ctrl-C and Ctrl-Z do what they do. tty_enter() goes on from here, and
 * whatever ends the process puts the terminal back. A signal that is ignored stays so. Nothing
 * where we are not in its foreground. */
void tty_hold(void);
/* Back to what it was before tty_hold(); a signal handler may call it. */
void tty_release(void);

/* Opens the pieces and catches WINCH, TERM, HUP, INT, QUIT, TSTP, CONT, ALRM, USR1, USR2, XCPU, but for
 * those that end or stop us and that our caller has ignored; the terminal is as it was. */
int tty_open(struct tty *t);
int tty_enter(struct tty *t); /* raw mode */
/* Entered, but somebody has put it back, as a shell does when we are stopped by SIGSTOP. */
bool tty_was_put_back(const struct tty *t);
int tty_enter_again(struct tty *t);
/* Writes `undo` and puts the terminal back. Waits for a blocked terminal at most a moment; then its
 * output is dropped. */
void tty_leave(struct tty *t, const void *undo, size_t n);
/* Gives signals and descriptors back. */
void tty_close(struct tty *t);
/* A signal that came, 0 if none. However often one came meanwhile, it is told once; of SIGTSTP and
 * SIGCONT the later one. */
int tty_signal(struct tty *t);
/* Stops this process as Ctrl-Z would have; returns once it is continued, at once when it was after
 * the SIGTSTP that tty_signal() told. The terminal must have been left. */
void tty_stop(void);
/* Ends the process as the signal would have. */
_Noreturn void tty_die(int sig);

#endif

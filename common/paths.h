/*
 * paths - where things live: XDG folders, the socket, the state folder; and checked folders
 *
 * Strings are malloc'd.
 *
 * Errors:  -errno, with a sentence that says what to do in why[PATHS_WHY_MAX].
 */
#ifndef COMMON_PATHS_H
#define COMMON_PATHS_H

#include "common/util.h"

#define PATHS_WHY_MAX 512
#define PATHS_SOCKET_MAX 107 /* bytes a Unix socket path may have */

/* CWSANDBOXD_SOCKET, else $XDG_RUNTIME_DIR/cwsandboxd/socket, else /run/user/UID/cwsandboxd/socket if that
 * folder is ours and 0700, else $XDG_STATE_HOME/cwsandboxd/run/socket (default ~/.local/state). `override`
 * (a flag) wins when not NULL. */
int paths_socket(const char *override, char **ret, char why[PATHS_WHY_MAX]);
int paths_state_dir(const char *override, char **ret, char why[PATHS_WHY_MAX]);       /* .../cwsandboxd */
int paths_local_state_dir(const char *override, char **ret, char why[PATHS_WHY_MAX]); /* .../cwsandbox-local */
int paths_config_file(const char *override, char **ret, char why[PATHS_WHY_MAX]);
/* Makes (parents too) or checks a folder: a real directory, ours, mode 0700; opens it. Says what is wrong with
 * a bad one and touches nothing. */
int paths_private_dir(const char *path, int *ret_fd, char why[PATHS_WHY_MAX]);
/* The lifelong lock `dir/lock` (flock, O_NOFOLLOW, 0600), holding one line of text. -EWOULDBLOCK: held by
 * another; its line is then in *ret_holder (may be NULL). */
int paths_lock(int dir_fd, const char *name, const char *line, int *ret_fd, char **ret_holder);
/* Whole small file, relative to dir_fd (or AT_FDCWD), O_NOFOLLOW, regular, at most max bytes; NUL-terminated. */
int paths_read_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_n);
/* Written 0600 to a temporary beside it, fsync, rename. */
int paths_write_file(int dir_fd, const char *name, const void *data, size_t n);
/* The same without fsync: whole after a kill, perhaps the old one after a power cut. */
int paths_replace_file(int dir_fd, const char *name, const void *data, size_t n);
/* The key file's rules: regular, ours, no group or other bits, <= 8 KiB, visible ASCII. */
int paths_read_key(const char *path, char **ret, char why[PATHS_WHY_MAX]);

#endif

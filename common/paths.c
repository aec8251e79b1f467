#include "common/paths.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "common/text.h"

#define KEY_FILE_MAX ((size_t)8 * 1024) /* bytes */
#define LOCK_LINE_MAX ((size_t)4096)    /* bytes */
#define LOCK_TRIES 16                   /* times a lock file may be replaced under us */

/* ---- names --------------------------------------------------------------------------------------
 */

static const char *env_of(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

_printf_(2, 3) static int path_format(char **ret, const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	*ret = p;
	return 0;
}

/* A relative path is meant from where we were started, which the daemon leaves. */
static int absolute(const char *path, char **ret, char why[PATHS_WHY_MAX])
{
	_cleanup_(freep) char *cwd = NULL;

	if (path[0] == '/')
		return path_format(ret, "%s", path);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return text_because(why, PATHS_WHY_MAX, -errno,
			"The current folder is gone: give %s as an absolute path.", path);
	return path_format(ret, "%s/%s", cwd, path);
}

static int home_of_user(char **ret, char why[PATHS_WHY_MAX])
{
	const char *home = env_of("HOME");
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (home && home[0] == '/')
		return path_format(ret, "%s", home);
	if (getpwuid_r(getuid(), &pw, buf, sizeof(buf), &found) != 0 || !found ||
		found->pw_dir[0] != '/')
		return text_because(why, PATHS_WHY_MAX, -ENOENT,
			"There is no home folder: set HOME or XDG_STATE_HOME.");
	return path_format(ret, "%s", found->pw_dir);
}

/* $VAR/leaf, else HOME/fallback/leaf. A relative $VAR is ignored, as the XDG specification says. */
static int xdg_path(const char *var, const char *fallback, const char *leaf, char **ret,
	char why[PATHS_WHY_MAX])
{
	_cleanup_(freep) char *home = NULL;
	const char *base = env_of(var);
	int r;

	if (base && base[0] == '/')
		return path_format(ret, "%s/%s", base, leaf);
	r = home_of_user(&home, why);
	if (r < 0)
		return r;
	return path_format(ret, "%s/%s/%s", home, fallback, leaf);
}

int paths_state_dir(const char *override, char **ret, char why[PATHS_WHY_MAX])
{
	if (override)
		return absolute(override, ret, why);
	return xdg_path("XDG_STATE_HOME", ".local/state", "cwsandboxd", ret, why);
}

int paths_local_state_dir(const char *override, char **ret, char why[PATHS_WHY_MAX])
{
	if (override)
		return absolute(override, ret, why);
	return xdg_path("XDG_STATE_HOME", ".local/state", "cwsandbox-local", ret, why);
}

int paths_config_file(const char *override, char **ret, char why[PATHS_WHY_MAX])
{
	if (override)
		return absolute(override, ret, why);
	return xdg_path("XDG_CONFIG_HOME", ".config", "cwsandboxd/cwsandboxd.conf", ret, why);
}

static bool is_private_dir(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 07777) == 0700;
}

static int default_socket(char **ret, char why[PATHS_WHY_MAX])
{
	const char *runtime = env_of("XDG_RUNTIME_DIR");
	char run_user[64];
	struct stat st;

	if (runtime && runtime[0] == '/')
		return path_format(ret, "%s/cwsandboxd/socket", runtime);
	snprintf(run_user, sizeof(run_user), "/run/user/%u", (unsigned)geteuid());
	if (lstat(run_user, &st) == 0 && is_private_dir(&st))
		return path_format(ret, "%s/cwsandboxd/socket", run_user);
	return xdg_path("XDG_STATE_HOME", ".local/state", "cwsandboxd/run/socket", ret, why);
}

int paths_socket(const char *override, char **ret, char why[PATHS_WHY_MAX])
{
	_cleanup_(freep) char *path = NULL;
	const char *named = override ? override : env_of("CWSANDBOXD_SOCKET");
	int r;

	r = named ? absolute(named, &path, why) : default_socket(&path, why);
	if (r < 0)
		return r;
	if (strlen(path) > PATHS_SOCKET_MAX)
		return text_because(why, PATHS_WHY_MAX, -ENAMETOOLONG,
			"The socket path is longer than %d bytes: set CWSANDBOXD_SOCKET to a "
			"shorter one.",
			PATHS_SOCKET_MAX);
	if (path[strlen(path) - 1] == '/')
		return text_because(why, PATHS_WHY_MAX, -EISDIR,
			"The socket path ends in a slash: name a file.");
	*ret = TAKE(path);
	return 0;
}

/* ---- folders ------------------------------------------------------------------------------------
 */

/* Makes the folders above `path`. What exists is left as it is. */
static int make_parents(const char *path)
{
	_cleanup_(freep) char *part = strdup(path);

	if (!part)
		return -ENOMEM;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static int open_dir(const char *path, int *ret_fd, char why[PATHS_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if ((errno == ELOOP || errno == ENOTDIR) && lstat(path, &st) == 0)
		return text_because(why, PATHS_WHY_MAX, -ENOTDIR,
			"%s is %s: it must be a real folder, mode 0700.", path,
			S_ISLNK(st.st_mode) ? "a symbolic link" : "not a folder");
	return text_because(
		why, PATHS_WHY_MAX, -errno, "%s cannot be opened: %s.", path, strerror(errno));
}

static int check_dir(int fd, const char *path, char why[PATHS_WHY_MAX])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return text_because(why, PATHS_WHY_MAX, -errno, "%s cannot be looked at: %s.", path,
			strerror(errno));
	if (st.st_uid != geteuid())
		return text_because(why, PATHS_WHY_MAX, -EPERM,
			"%s belongs to user %u, not to us (%u): name a folder of your own "
			"(mkdir -m 700 makes one).",
			path, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & (S_ISVTX | S_IWOTH)) /* others rely on its mode */
		return text_because(why, PATHS_WHY_MAX, -EPERM,
			"%s has mode %04o, others use it too: name a folder of your own, with mode "
			"0700 (mkdir -m 700 makes one).",
			path, (unsigned)(st.st_mode & 07777));
	if (!is_private_dir(&st))
		return text_because(why, PATHS_WHY_MAX, -EPERM,
			"%s has mode %04o: it must be 0700. If it is yours alone, chmod 700 it; "
			"else name a folder of your own.",
			path, (unsigned)(st.st_mode & 07777));
	return 0;
}

int paths_private_dir(const char *path, int *ret_fd, char why[PATHS_WHY_MAX])
{
	_cleanup_(closep) int fd = -1;
	bool made;
	int r;

	r = make_parents(path);
	if (r < 0)
		return text_because(why, PATHS_WHY_MAX, r,
			"The folders above %s cannot be made: %s. XDG_STATE_HOME and "
			"XDG_RUNTIME_DIR name other places.",
			path, strerror(-r));
	made = mkdir(path, 0700) == 0;
	if (!made && errno != EEXIST)
		return text_because(why, PATHS_WHY_MAX, -errno, "%s cannot be made: %s.", path,
			strerror(errno));
	r = open_dir(path, &fd, why);
	if (r < 0)
		return r;
	if (made && fchmod(fd, 0700) < 0) /* the umask may have taken bits of ours */
		return text_because(why, PATHS_WHY_MAX, -errno, "%s cannot be made 0700: %s.", path,
			strerror(errno));
	r = check_dir(fd, path, why);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* ---- files --------------------------------------------------------------------------------------
 */

static int read_all(int fd, char *buf, size_t cap, size_t *ret_n)
{
	size_t n = 0;

	while (n < cap) {
		ssize_t l = read(fd, buf + n, cap - n);

		if (l < 0 && errno == EINTR)
			continue;
		if (l < 0)
			return -errno;
		if (l == 0)
			break;
		n += (size_t)l;
	}
	*ret_n = n;
	return 0;
}

static int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t l = write(fd, p, n);

		if (l < 0 && errno == EINTR)
			continue;
		if (l < 0)
			return -errno;
		p += l;
		n -= (size_t)l;
	}
	return 0;
}

/* Non-blocking, so that a FIFO in its place cannot hold us. */
static int open_regular(int dir_fd, const char *name, struct stat *ret_st, int *ret_fd)
{
	_cleanup_(closep) int fd =
		openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return -errno;
	if (!S_ISREG(ret_st->st_mode))
		return -EINVAL;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static void wipe_free(char *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
	free(p);
}

/* The buffer is wiped before it is freed on failure: it may hold a key. */
static int read_whole(int fd, size_t max, char **ret, size_t *ret_n)
{
	char *buf = malloc(max + 1);
	size_t n = 0;
	int r;

	if (!buf)
		return -ENOMEM;
	r = read_all(fd, buf, max + 1, &n);
	if (r == 0 && n > max)
		r = -EFBIG;
	if (r < 0) {
		wipe_free(buf, max + 1);
		return r;
	}
	buf[n] = '\0';
	*ret = buf;
	*ret_n = n;
	return 0;
}

int paths_read_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_n)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;
	size_t n;
	int r;

	r = open_regular(dir_fd, name, &st, &fd);
	if (r < 0)
		return r;
	return read_whole(fd, max, ret, ret_n ? ret_n : &n);
}

static int fsync_folder(int dir_fd, const char *name)
{
	_cleanup_(freep) char *dir = strdup(name);
	_cleanup_(closep) int fd = -1;
	char *slash;

	if (!dir)
		return -ENOMEM;
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	fd = openat(dir_fd, slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int fill_file(int dir_fd, const char *temporary, const void *data, size_t n, bool durable)
{
	_cleanup_(closep) int fd = openat(
		dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	r = write_all(fd, data, n);
	if (r < 0)
		return r;
	return durable && fsync(fd) < 0 ? -errno : 0;
}

static int write_file(int dir_fd, const char *name, const void *data, size_t n, bool durable)
{
	_cleanup_(freep) char *temporary = NULL;
	uint64_t nonce = 0;
	int r;

	if (getrandom(&nonce, sizeof(nonce), 0) < 0)
		return -errno;
	r = path_format(&temporary, "%s.%016llx", name, (unsigned long long)nonce);
	if (r < 0)
		return r;
	r = fill_file(dir_fd, temporary, data, n, durable);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		if (r != -EEXIST)
			unlinkat(dir_fd, temporary, 0);
		return r;
	}
	return durable ? fsync_folder(dir_fd, name) : 0;
}

int paths_write_file(int dir_fd, const char *name, const void *data, size_t n)
{
	return write_file(dir_fd, name, data, n, true);
}

int paths_replace_file(int dir_fd, const char *name, const void *data, size_t n)
{
	return write_file(dir_fd, name, data, n, false);
}

/* ---- the lock -----------------------------------------------------------------------------------
 */

static bool still_named(int dir_fd, const char *name, const struct stat *held)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == held->st_ino &&
	       st.st_dev == held->st_dev;
}

static void read_holder(int fd, char **ret_holder)
{
	size_t n = 0;

	if (!ret_holder || read_whole(fd, LOCK_LINE_MAX, ret_holder, &n) < 0)
		return;
	(*ret_holder)[strcspn(*ret_holder, "\n")] = '\0';
}

#define LOCK_E_REPLACED 1

static int lock_once(int dir_fd, const char *name, int *ret_fd, char **ret_holder)
{
	_cleanup_(closep) int fd =
		openat(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = -errno;

		if (r == -EWOULDBLOCK)
			read_holder(fd, ret_holder);
		return r;
	}
	if (!still_named(dir_fd, name, &st))
		return LOCK_E_REPLACED;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int write_holder(int fd, const char *line)
{
	_cleanup_(freep) char *text = NULL;
	int r;

	r = path_format(&text, "%s\n", line);
	if (r < 0)
		return r;
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	return write_all(fd, text, strlen(text));
}

int paths_lock(int dir_fd, const char *name, const char *line, int *ret_fd, char **ret_holder)
{
	_cleanup_(closep) int fd = -1;
	int r = LOCK_E_REPLACED;

	if (ret_holder)
		*ret_holder = NULL;
	for (int i = 0; i < LOCK_TRIES && r == LOCK_E_REPLACED; i++)
		r = lock_once(dir_fd, name, &fd, ret_holder);
	if (r)
		return r == LOCK_E_REPLACED ? -EAGAIN : r;
	r = write_holder(fd, line);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* ---- the key file -------------------------------------------------------------------------------
 */

static int check_key_file(const struct stat *st, const char *path, char why[PATHS_WHY_MAX])
{
	if (st->st_uid != geteuid())
		return text_because(why, PATHS_WHY_MAX, -EPERM,
			"The key file %s belongs to user %u, not to us.", path,
			(unsigned)st->st_uid);
	if (st->st_mode & 077)
		return text_because(why, PATHS_WHY_MAX, -EPERM,
			"The key file %s can be read by others (mode %04o): chmod 600 it.", path,
			(unsigned)(st->st_mode & 07777));
	if (st->st_size > (off_t)KEY_FILE_MAX)
		return text_because(why, PATHS_WHY_MAX, -EFBIG,
			"The key file %s is longer than %zu bytes.", path, KEY_FILE_MAX);
	return 0;
}

/* One line of visible ASCII; a newline at its end is not part of the key. */
static int check_key_text(char *key, size_t *n, const char *path, char why[PATHS_WHY_MAX])
{
	if (*n > 0 && key[*n - 1] == '\n')
		key[--*n] = '\0';
	if (*n > 0 && key[*n - 1] == '\r')
		key[--*n] = '\0';
	if (*n == 0)
		return text_because(
			why, PATHS_WHY_MAX, -ENODATA, "The key file %s is empty.", path);
	for (size_t i = 0; i < *n; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return text_because(why, PATHS_WHY_MAX, -EBADMSG,
				"The key file %s must hold one line of visible ASCII characters.",
				path);
	return 0;
}

int paths_read_key(const char *path, char **ret, char why[PATHS_WHY_MAX])
{
	_cleanup_(closep) int fd = -1;
	struct stat st;
	char *key = NULL;
	size_t n = 0;
	int r;

	r = open_regular(AT_FDCWD, path, &st, &fd);
	if (r == -EINVAL || r == -ELOOP)
		return text_because(
			why, PATHS_WHY_MAX, r, "The key file %s is not a regular file.", path);
	if (r < 0)
		return text_because(why, PATHS_WHY_MAX, r, "The key file %s cannot be opened: %s.",
			path, strerror(-r));
	r = check_key_file(&st, path, why);
	if (r < 0)
		return r;
	r = read_whole(fd, KEY_FILE_MAX, &key, &n);
	if (r < 0)
		return text_because(why, PATHS_WHY_MAX, r, "The key file %s cannot be read: %s.",
			path, strerror(-r));
	r = check_key_text(key, &n, path, why);
	if (r < 0) {
		wipe_free(key, n);
		return r;
	}
	*ret = key;
	return 0;
}

/*
 * cwsandboxd - keeps sandbox shells and their connections alive, and shares them; cwsandboxd(8)
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/io/sock.h"
#include "daemon/local.h"
#include "daemon/notify.h"
#include "daemon/secret.h"
#include "daemon/server.h"
#include "daemon/url.h"

#define EXIT_USAGE 2
#define LOCK_WAIT_USEC (18 * USEC_PER_SEC) /* above what another one takes to end */
#define LOCK_PAUSE_MS 20
#define END_MAX_USEC ((SERVER_DRAIN_SEC + WORKER_JOIN_SEC) * USEC_PER_SEC + LOCAL_STOP_MAX_USEC)
#define KEY_CREDENTIAL "cwsandbox-api-key"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1 /* its leak check has to look into the process */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct options {
	const char *config, *socket, *state_dir;
	enum journal_level level;
};

static const char usage[] =
	"Usage: cwsandboxd [--config FILE] [--socket PATH] [--state-dir DIR] [-v]...\n"
	"\n"
	"The broker between local terminals and CoreWeave sandboxes: one per user, in the "
	"foreground.\n"
	"\n"
	"  --config FILE    read FILE instead of ~/.config/cwsandboxd/cwsandboxd.conf\n"
	"  --socket PATH    listen at PATH instead of $XDG_RUNTIME_DIR/cwsandboxd/socket\n"
	"  --state-dir DIR  keep state in DIR instead of ~/.local/state/cwsandboxd\n"
	"  -v, --verbose    say more; twice: everything\n"
	"  --help           show this and exit\n"
	"  --version        show the version and exit\n"
	"\n"
	"cwsandbox(1) starts it when none runs. It is described in cwsandboxd(8), its "
	"configuration in\n"
	"cwsandboxd.conf(5).\n";

/* ---- flags -------------------------------------------------------------------------------------- */

static void more(enum journal_level *level)
{
	*level = *level == JOURNAL_NOTICE ? JOURNAL_INFO : JOURNAL_DEBUG;
}

/* False: the program ends with *ret_code. */
static bool parse_options(struct options *o, int argc, char **argv, int *ret_code)
{
	enum { OPT_CONFIG = 256, OPT_SOCKET, OPT_STATE_DIR, OPT_HELP, OPT_VERSION };
	static const struct option longs[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "socket", required_argument, NULL, OPT_SOCKET },
		{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ 0 },
	};
	int c;

	*ret_code = EXIT_USAGE;
	for (c = getopt_long(argc, argv, "v", longs, NULL); c != -1;
		c = getopt_long(argc, argv, "v", longs, NULL)) {
		switch (c) {
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_SOCKET:
			o->socket = optarg;
			break;
		case OPT_STATE_DIR:
			o->state_dir = optarg;
			break;
		case 'v':
			more(&o->level);
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			*ret_code = EXIT_SUCCESS;
			return false;
		case OPT_VERSION:
			puts("cwsandboxd " PACKAGE_VERSION);
			*ret_code = EXIT_SUCCESS;
			return false;
		default:
			fputs("Try cwsandboxd --help.\n", stderr);
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "cwsandboxd: takes no arguments. Try cwsandboxd --help.\n");
	return false;
}

/* ---- the process -------------------------------------------------------------------------------- */

/* What whoever started us left open is not ours; stdin and stdout hold nobody's pipe. */
static int close_inherited(int n_sockets)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -errno;
	if (null > STDERR_FILENO)
		close(null);
	if (close_range((unsigned)(STDERR_FILENO + 1 + n_sockets), ~0U, 0) < 0)
		return -errno;
	return 0;
}

/* A missing stderr would hand its number to the first socket. */
static void have_stdio(void)
{
	while (true) {
		int fd = open("/dev/null", O_RDWR);

		if (fd < 0 || fd > STDERR_FILENO) {
			if (fd > STDERR_FILENO)
				close(fd);
			return;
		}
	}
}

static void lock_down(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (!SANITIZED)
		prctl(PR_SET_DUMPABLE, 0);
}

static void raise_fd_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

/* ---- configuration ------------------------------------------------------------------------------ */

/* What is wrong is said when the daemon starts, with its line, not when a client first needs it. A
 * value is not repeated: a URL may hold a password. */
static int check_value(const char *key, const char *value, char why[CFG_WHY_MAX])
{
	const char *wrong = NULL;
	struct size_policy size;
	struct url url;

	if (strcmp(key, "url") == 0)
		url_parse(&url, value, &wrong);
	else if (strcmp(key, "proxy") == 0)
		url_parse_proxy(&url, value, &wrong);
	else if (strcmp(key, "size") == 0 && size_parse(value, strlen(value), &size) < 0)
		wrong = "It is none of lead, latest, smallest, largest or COLSxROWS.";
	else if (strcmp(key, "auth") == 0 && strcmp(value, "coreweave_api_key") != 0 &&
		 strcmp(value, "wandb") != 0)
		wrong = "It is neither coreweave_api_key nor wandb.";
	else if ((strcmp(key, "ca-file") == 0 || strcmp(key, "key-file") == 0) && *value != '/')
		wrong = "It must be an absolute path.";
	return wrong ? text_because(why, CFG_WHY_MAX, -EINVAL, "%s: %s", key, wrong) : 0;
}

/* systemd hands it to the unit that names it; the configuration's own source goes first. */
static int find_credential(struct cfg *cfg)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	_cleanup_(freep) char *path = NULL;

	if (cfg->key_file || cfg->key_command || !dir || *dir != '/')
		return 0;
	if (asprintf(&path, "%s/" KEY_CREDENTIAL, dir) < 0)
		return -ENOMEM;
	if (access(path, F_OK) == 0)
		cfg->key_file = TAKE(path);
	return 0;
}

static int read_config(struct cfg *cfg, const struct options *o, char why[CFG_WHY_MAX])
{
	_cleanup_(freep) char *path = NULL;
	int r;

	cfg->check = check_value;
	r = paths_config_file(o->config, &path, why);
	if (r == 0)
		r = cfg_read_file(cfg, path, o->config != NULL, why);
	if (r == 0)
		r = cfg_read_env(cfg, why);
	return r < 0 ? r : find_credential(cfg);
}

/* Into locked memory, and out of every other place. */
static int take_key(struct cfg *cfg, struct secret **ret)
{
	int r = cfg->key ? secret_new(ret, cfg->key, strlen(cfg->key)) : 0;

	cfg_wipe_key(cfg);
	cfg_wipe_env();
	return r;
}

/* ---- one daemon per user ------------------------------------------------------------------------ */

static_assert(LOCK_WAIT_USEC > END_MAX_USEC, "the one before has all the time that it may take");

static bool takes_clients(const char *socket_path)
{
	_cleanup_(closep) int fd = -1;
	int r = socket_path && *socket_path ? sock_connect_unix(socket_path, &fd) : -ENOENT;

	return r == 0 || r == -EAGAIN;
}

/* One that holds the lock and takes no clients has only just started, or is about to go. */
static int await_lock(int dir_fd, const char *socket_path, int *ret_fd, char **ret_holder)
{
	const uint64_t until = clock_read_usec(CLOCK_MONOTONIC) + LOCK_WAIT_USEC;
	int r;

	for (;;) {
		r = paths_lock(dir_fd, "lock", socket_path, ret_fd, ret_holder);
		if (r != -EWOULDBLOCK || takes_clients(*ret_holder) ||
			clock_read_usec(CLOCK_MONOTONIC) >= until)
			return r;
		free(TAKE(*ret_holder));
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
}

/* `daemon stop` asks the one at the socket that is named to it. */
static void say_holder(const char *holder, const char *socket_path, char why[PATHS_WHY_MAX])
{
	const bool other = holder[0] == '/' && strcmp(holder, socket_path) != 0;

	snprintf(why, PATHS_WHY_MAX,
		"Another cwsandboxd of yours is running; its socket is %.150s. Stop it first: "
		"%s%.150s%scwsandbox daemon stop",
		holder, other ? "CWSANDBOXD_SOCKET=" : "", other ? holder : "", other ? " " : "");
}

static int take_lock(
	const struct options *o, const char *socket_path, int *ret_fd, char why[PATHS_WHY_MAX])
{
	_cleanup_(freep) char *dir = NULL, *holder = NULL;
	_cleanup_(closep) int dir_fd = -1;
	int r;

	r = paths_state_dir(o->state_dir, &dir, why);
	if (r == 0)
		r = paths_private_dir(dir, &dir_fd, why);
	if (r < 0)
		return r;
	r = await_lock(dir_fd, socket_path, ret_fd, &holder);
	if (r == -EWOULDBLOCK)
		say_holder(holder && *holder ? holder : "not known yet", socket_path, why);
	else if (r < 0)
		snprintf(
			why, PATHS_WHY_MAX, "%.300s/lock cannot be locked: %s.", dir, strerror(-r));
	return r;
}

/* ---- main --------------------------------------------------------------------------------------- */

struct daemon {
	struct options options;
	struct journal journal;
	struct cfg cfg;
	struct launcher launcher;
	struct server server;
	char *socket_path;
	int lock_fd;
};

static int prepare(struct daemon *d, struct server_config *config, char why[PATHS_WHY_MAX])
{
	int n_sockets = 0, r;

	snprintf(why, PATHS_WHY_MAX, "The daemon cannot be set up.");
	r = notify_sockets(&config->socket_fd, &config->observer_fd, &n_sockets);
	if (r < 0)
		snprintf(why, PATHS_WHY_MAX,
			"systemd handed over sockets that are not ours: look at the socket unit.");
	if (r == 0)
		r = close_inherited(n_sockets);
	if (r == 0)
		r = launcher_start(&d->launcher); /* before keys and threads */
	if (r == 0)
		r = cfg_init(&d->cfg);
	if (r == 0)
		r = read_config(&d->cfg, &d->options, why);
	if (r == 0)
		r = take_key(&d->cfg, &config->env_key);
	if (r == 0)
		r = paths_socket(d->options.socket, &d->socket_path, why);
	if (r == 0)
		r = take_lock(&d->options, d->socket_path, &d->lock_fd, why);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

static int run(struct daemon *d)
{
	struct server_config config = {
		.journal = &d->journal, .cfg = &d->cfg, .launcher = &d->launcher
	};
	char why[PATHS_WHY_MAX];
	int r;

	r = prepare(d, &config, why);
	if (r == 0 && chdir("/") < 0)
		r = -errno;
	config.socket_path = d->socket_path;
	if (r < 0) {
		journal_say(&d->journal, JOURNAL_ERROR, "%s", why);
		launcher_done(&d->launcher);
		secret_free(config.env_key);
		return EXIT_FAILURE;
	}
	r = server_init(&d->server, &config, why);
	if (r < 0) {
		journal_say(&d->journal, JOURNAL_ERROR, "%s", why);
		server_done(&d->server);
		return EXIT_FAILURE;
	}
	journal_say(&d->journal, JOURNAL_INFO, "version " PACKAGE_VERSION ", listening at %s",
		d->server.listener.path);
	r = server_run(&d->server);
	if (r < 0)
		journal_say(&d->journal, JOURNAL_ERROR, "the event loop failed: %s", strerror(-r));
	server_done(&d->server);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon *d;
	int code;

	signal(SIGPIPE, SIG_IGN); /* before anything writes: OpenSSL uses write(2) */
	signal(SIGXFSZ, SIG_IGN); /* one file that may not grow is no end of all sessions */
	have_stdio();
	lock_down();
	umask(077);
	d = calloc(1, sizeof(*d));
	if (!d)
		return EXIT_FAILURE;
	d->lock_fd = d->launcher.fd = -1;
	d->options.level = JOURNAL_NOTICE;
	code = EXIT_FAILURE;
	if (parse_options(&d->options, argc, argv, &code)) {
		raise_fd_limit();
		journal_init(&d->journal, "cwsandboxd", STDERR_FILENO, d->options.level);
		code = run(d);
	}
	cfg_done(&d->cfg);
	free(d->socket_path);
	close_fd(&d->lock_fd);
	free(d);
	return code;
}

#include "local/cleaner.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "local/folder.h"

struct cleaner {
	struct list link;
	pid_t pid;
};

void cleaners_init(struct cleaners *cs, int dir_fd)
{
	list_init(&cs->all);
	cs->dir_fd = dir_fd;
}

static void cleaner_free(struct cleaner *c)
{
	list_unlink(&c->link);
	free(c);
}

void cleaners_done(struct cleaners *cs)
{
	struct cleaner *c;

	while ((c = list_first(&cs->all, struct cleaner, link)) != NULL)
		cleaner_free(c);
}

static void start(struct cleaners *cs, char *const *names, size_t n)
{
	struct cleaner *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->pid = fork();
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The sockets of other inits are not to live on here. */
		if (dup2(cs->dir_fd, 0) < 0 || close_range(3, UINT_MAX, 0) < 0)
			_exit(1);
		for (size_t i = 0; i < n; i++)
			folder_remove(0, names[i]);
		_exit(0);
	}
	list_append(&cs->all, &c->link);
	if (c->pid < 0)
		cleaner_free(c);
}

void cleaners_remove(struct cleaners *cs, const char *name)
{
	char *names[] = { (char *)name };

	start(cs, names, 1);
}

/* The names as they are now: those of new sandboxes come later, and are not among them. */
static size_t list_names(int dir_fd, char ***ret)
{
	int fd = openat(dir_fd, ".", O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	char **names = NULL;
	size_t n = 0;

	while (dir && (d = readdir(dir)) != NULL) {
		char **grown;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		grown = reallocarray(names, n + 1, sizeof(*names));
		if (!grown)
			break;
		names = grown;
		names[n] = strdup(d->d_name);
		if (!names[n])
			break;
		n++;
	}
	if (dir)
		closedir(dir);
	*ret = names;
	return n;
}

void cleaners_remove_all(
	struct cleaners *cs, bool (*keep)(const char *name, void *arg), void *arg)
{
	char **names;
	size_t n_all = list_names(cs->dir_fd, &names), n = 0;

	for (size_t i = 0; i < n_all; i++) {
		if (keep(names[i], arg))
			free(names[i]);
		else
			names[n++] = names[i];
	}
	if (n)
		start(cs, names, n);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static struct cleaner *find(const struct cleaners *cs, pid_t pid)
{
	struct cleaner *c;

	list_for_each(c, &cs->all, link) {
		if (c->pid == pid)
			return c;
	}
	return NULL;
}

bool cleaners_has(const struct cleaners *cs, pid_t pid)
{
	return find(cs, pid) != NULL;
}

bool cleaners_reaped(struct cleaners *cs, pid_t pid)
{
	struct cleaner *c = find(cs, pid);

	if (c)
		cleaner_free(c);
	return c != NULL;
}

bool cleaners_idle(const struct cleaners *cs)
{
	return list_empty(&cs->all);
}

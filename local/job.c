#include "local/job.h"

#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NICE 10
#define FIRST_FD 3 /* stderr stays */

/* ---- in the child ---- */

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_others(const int *fds, size_t n)
{
	int sorted[JOB_FDS_MAX];
	unsigned at = FIRST_FD;

	memcpy(sorted, fds, n * sizeof(*fds));
	qsort(sorted, n, sizeof(*sorted), compare_fds);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned)sorted[i] > at)
			close_range(at, (unsigned)sorted[i] - 1, 0);
		at = (unsigned)sorted[i] + 1;
	}
	close_range(at, UINT_MAX, 0);
}

static int become(const struct folder_owner *owner, pid_t parent)
{
	if (!owner->change)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(owner->gid, owner->gid, owner->gid) < 0 ||
		setresuid(owner->uid, owner->uid, owner->uid) < 0)
		return -errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a new user forgets it */
	return getppid() == parent ? 0 : -ECANCELED;
}

static _Noreturn void child(const struct job_what *what, struct job_report *report, pid_t parent)
{
	sigset_t none;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGTERM, SIG_IGN); /* of a terminal's group: the service decides */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_others(what->fds, what->n_fds);
	setpriority(PRIO_PROCESS, 0, NICE);
	r = become(&what->owner, parent);
	report->error = r ? r : what->run(what->fds, what->arg, report);
	_exit(0);
}

/* ---- in the service ---- */

void jobs_init(struct jobs *js, struct loop *loop)
{
	js->loop = loop;
	list_init(&js->all);
}

static void on_time(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct job *j = arg;

	j->late = true;
	kill(j->pid, SIGKILL);
}

static void job_clear(struct job *j)
{
	if (j->ev_time)
		event_free(j->ev_time);
	if (j->report)
		munmap(j->report, sizeof(*j->report));
	list_unlink(&j->link);
	j->ev_time = NULL;
	j->report = NULL;
	j->pid = 0;
}

int job_start(struct jobs *js, struct job *j, const struct job_what *what)
{
	struct timeval tv = { .tv_sec = (time_t)(JOB_TIME_USEC / USEC_PER_SEC) };
	pid_t self = getpid();

	list_init(&j->link);
	j->cancelled = j->late = false;
	j->report = mmap(NULL, sizeof(*j->report), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (j->report == MAP_FAILED)
		j->report = NULL;
	j->ev_time = evtimer_new(js->loop->base, on_time, j);
	if (!j->report || !j->ev_time || event_add(j->ev_time, &tv)) {
		job_clear(j);
		return -ENOMEM;
	}
	j->report->error = -EIO; /* until it says otherwise */
	j->pid = fork();
	if (!j->pid)
		child(what, j->report, self);
	if (j->pid < 0) {
		job_clear(j);
		return -EAGAIN;
	}
	list_append(&js->all, &j->link);
	return 0;
}

void job_cancel(struct job *j)
{
	j->cancelled = true;
	kill(j->pid, SIGKILL);
}

static struct job *find(const struct jobs *js, pid_t pid)
{
	struct job *j;

	list_for_each(j, &js->all, link) {
		if (j->pid == pid)
			return j;
	}
	return NULL;
}

bool jobs_has(const struct jobs *js, pid_t pid)
{
	return find(js, pid) != NULL;
}

bool jobs_reaped(struct jobs *js, pid_t pid, int status)
{
	struct job *j = find(js, pid);
	struct job_report report;

	if (!j)
		return false;
	report = *j->report;
	report.why[sizeof(report.why) - 1] = 0;
	if (j->cancelled)
		report.error = -ECANCELED;
	else if (j->late)
		report.error = -ETIMEDOUT;
	else if (!WIFEXITED(status) && !report.error)
		report.error = -EIO;
	job_clear(j);
	j->on_done(j, &report);
	return true;
}

bool jobs_idle(const struct jobs *js)
{
	return list_empty(&js->all);
}

void jobs_done(struct jobs *js)
{
	struct job *j;

	while ((j = list_first(&js->all, struct job, link)) != NULL) {
		kill(j->pid, SIGKILL);
		waitpid(j->pid, NULL, 0);
		job_clear(j);
	}
}

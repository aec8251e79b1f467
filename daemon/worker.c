#include "daemon/worker.h"

#include <signal.h>
#include <sys/eventfd.h>

static void say_finished(struct worker *w)
{
	uint64_t one = 1;

	while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* The next job, or NULL at the end. */
static struct job *wait_for_job(struct worker *w)
{
	struct job *job;

	pthread_mutex_lock(&w->lock);
	while (!w->stop && list_empty(&w->todo))
		pthread_cond_wait(&w->wake, &w->lock);
	job = w->stop ? NULL : list_first(&w->todo, struct job, link);
	if (job)
		list_unlink(&job->link);
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	for (struct job *job = wait_for_job(w); job; job = wait_for_job(w)) {
		job->run(job);
		pthread_mutex_lock(&w->lock);
		job->ran = true;
		list_append(&w->finished, &job->link);
		pthread_mutex_unlock(&w->lock);
		say_finished(w);
	}
	return NULL;
}

static struct job *take_finished(struct worker *w)
{
	struct job *job;

	pthread_mutex_lock(&w->lock);
	job = list_first(&w->finished, struct job, link);
	if (job)
		list_unlink(&job->link);
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void finish_all(struct worker *w)
{
	for (struct job *job = take_finished(w); job; job = take_finished(w)) {
		w->n_jobs--;
		job->done(job);
	}
}

static void on_finished(evutil_socket_t fd, short events, void *arg)
{
	uint64_t n;

	(void)events;
	if (read((int)fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		finish_all(arg);
}

/* The thread takes no signals: they are the loop's. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int worker_init(struct worker *w, struct loop *loop)
{
	int r;

	*w = (struct worker){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	list_init(&w->todo);
	list_init(&w->finished);
	if (w->fd < 0)
		return -errno;
	w->ev = event_new(loop->base, w->fd, EV_READ | EV_PERSIST, on_finished, w);
	if (!w->ev || event_add(w->ev, NULL) < 0)
		r = -ENOMEM;
	else {
		pthread_mutex_init(&w->lock, NULL);
		pthread_cond_init(&w->wake, NULL);
		r = start_thread(w);
	}
	if (r < 0) {
		if (w->ev)
			event_free(w->ev);
		close_fd(&w->fd);
	}
	return r;
}

/* A name look-up that hangs is left behind: the process is about to end. */
static bool join_thread(struct worker *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WORKER_JOIN_SEC;
	return pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

bool worker_done(struct worker *w)
{
	if (!w->ev)
		return true;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (!join_thread(w))
		return false;
	while (!list_empty(&w->todo)) {
		struct list *first = w->todo.next;

		list_unlink(first);
		list_append(&w->finished, first);
	}
	finish_all(w);
	event_free(w->ev);
	w->ev = NULL;
	close_fd(&w->fd);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	return true;
}

int worker_submit(struct worker *w, struct job *job)
{
	if (w->n_jobs >= WORKER_JOBS_MAX)
		return -EAGAIN;
	w->n_jobs++;
	job->ran = false;
	pthread_mutex_lock(&w->lock);
	list_append(&w->todo, &job->link);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

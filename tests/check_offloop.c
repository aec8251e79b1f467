#include "tests/suite.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon/launcher.h"
#include "daemon/secret.h"
#include "daemon/worker.h"

/* ---- the worker --------------------------------------------------------------------------------- */

struct count {
	struct job job;
	struct loop *loop;
	pthread_t ran_on;
	int *n_done;
	bool ran;
};

static void count_run(struct job *job)
{
	struct count *c = container_of(job, struct count, job);

	c->ran_on = pthread_self();
}

static void count_done(struct job *job)
{
	struct count *c = container_of(job, struct count, job);

	c->ran = job->ran;
	if (--*c->n_done == 0)
		loop_stop(c->loop);
}

START_TEST(a_job_runs_off_the_loop_and_is_finished_on_it)
{
	struct count jobs[3] = { 0 };
	struct worker w;
	struct loop loop;
	int left = 3;

	ck_assert_int_eq(loop_init(&loop, NULL, NULL), 0);
	ck_assert_int_eq(worker_init(&w, &loop), 0);
	for (int i = 0; i < 3; i++) {
		jobs[i] = (struct count){ .job = { .run = count_run, .done = count_done },
			.loop = &loop,
			.n_done = &left };
		ck_assert_int_eq(worker_submit(&w, &jobs[i].job), 0);
	}
	ck_assert_int_eq(loop_run(&loop), 0);
	for (int i = 0; i < 3; i++)
		ck_assert(jobs[i].ran && !pthread_equal(jobs[i].ran_on, pthread_self()));
	ck_assert(worker_done(&w));
	loop_done(&loop);
}
END_TEST

START_TEST(the_queue_takes_256_jobs_and_all_are_finished_at_the_end)
{
	static struct count jobs[WORKER_JOBS_MAX + 1];
	struct worker w;
	struct loop loop;
	int left = WORKER_JOBS_MAX;

	ck_assert_int_eq(loop_init(&loop, NULL, NULL), 0);
	ck_assert_int_eq(worker_init(&w, &loop), 0);
	for (int i = 0; i < WORKER_JOBS_MAX; i++) {
		jobs[i] = (struct count){ .job = { .run = count_run, .done = count_done },
			.loop = &loop,
			.n_done = &left };
		ck_assert_int_eq(worker_submit(&w, &jobs[i].job), 0);
	}
	ck_assert_int_eq(worker_submit(&w, &jobs[WORKER_JOBS_MAX].job), -EAGAIN);
	ck_assert(worker_done(&w));
	ck_assert_int_eq(left, 0);
	loop_done(&loop);
}
END_TEST

/* What another program may do to the time of day meanwhile. */
static bool is_set_ahead;

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = __real_clock_gettime(id, ret);

	if (is_set_ahead && id == CLOCK_REALTIME)
		ret->tv_sec += 24 * 3600;
	return r;
}

struct stuck {
	struct job job;
	int runs, may_end; /* pipes, to and from the test */
};

static void stuck_run(struct job *job)
{
	struct stuck *s = container_of(job, struct stuck, job);
	char c;

	close(s->runs);
	while (read(s->may_end, &c, 1) < 0 && errno == EINTR)
		;
	close(s->may_end);
}

START_TEST(the_end_waits_two_seconds_for_a_job_whatever_the_time_of_day_is)
{
	static struct worker w;
	static struct stuck stuck = { .job = { .run = stuck_run } };
	struct loop loop;
	int runs[2], may_end[2];
	char c;

	ck_assert_int_eq(pipe(runs), 0);
	ck_assert_int_eq(pipe(may_end), 0);
	stuck.runs = runs[1];
	stuck.may_end = may_end[0];
	ck_assert_int_eq(loop_init(&loop, NULL, NULL), 0);
	ck_assert_int_eq(worker_init(&w, &loop), 0);
	ck_assert_int_eq(worker_submit(&w, &stuck.job), 0);
	ck_assert_int_eq(read(runs[0], &c, 1), 0);
	is_set_ahead = true;
	ck_assert(!worker_done(&w));
	is_set_ahead = false;
	close(may_end[1]);
	ck_assert_int_eq(pthread_join(w.thread, NULL), 0);
	event_free(w.ev);
	close(w.fd);
	close(runs[0]);
	loop_done(&loop);
}
END_TEST

/* ---- the launcher ------------------------------------------------------------------------------- */

static struct loop loop;
static struct launcher launcher;

struct errand {
	struct launch launch;
	int r;
	char text[LAUNCH_TEXT_MAX + 1];
	bool done;
};

static void errand_done(struct launch *l, int r, const char *text, size_t n)
{
	struct errand *e = container_of(l, struct errand, launch);

	e->r = r;
	memcpy(e->text, text, n);
	e->text[n] = '\0';
	e->done = true;
	loop_stop(&loop);
}

static void setup(void)
{
	setenv("CWSANDBOX_API_KEY", "canary", 1);
	setenv("SECRET_OF_MINE", "also", 1);
	ck_assert_int_eq(launcher_start(&launcher), 0);
	ck_assert_int_eq(loop_init(&loop, NULL, NULL), 0);
	ck_assert_int_eq(launcher_attach(&launcher, &loop), 0);
}

static void teardown(void)
{
	launcher_done(&launcher);
	loop_done(&loop);
}

static void ask(struct errand *e, enum launch_kind kind, const char *text, size_t n)
{
	*e = (struct errand){ .launch = { .on_done = errand_done } };
	ck_assert_int_eq(launcher_ask(&launcher, &e->launch, kind, text, n), 0);
	while (!e->done)
		ck_assert_int_eq(loop_run(&loop), 0);
}

static void ask_key(struct errand *e, const char *command)
{
	ask(e, LAUNCH_KEY_COMMAND, command, strlen(command));
}

START_TEST(the_key_commands_output_comes_back_and_its_failure_is_told)
{
	static struct errand e;

	setup();
	ask_key(&e, "echo cw-key");
	ck_assert_int_eq(e.r, 0);
	ck_assert_str_eq(e.text, "cw-key\n");
	ask_key(&e, "echo no; exit 7");
	ck_assert_int_eq(e.r, -ECHILD);
	ck_assert_ptr_nonnull(strstr(e.text, "code 7"));
	ask_key(&e, "seq 30000 >&2; echo locked >&2; exit 8");
	ck_assert_str_eq(e.text, "The key command ended with code 8: locked.");
	ask_key(&e, "exec >&-; seq 30000 >&2; echo after its output >&2; exit 9");
	ck_assert_str_eq(e.text, "The key command ended with code 9: after its output.");
	ask_key(&e, "head -c 20000 /dev/zero");
	ck_assert_int_eq(e.r, -EFBIG);
	teardown();
}
END_TEST

START_TEST(a_key_command_ends_with_the_daemon)
{
	static struct errand e = { .launch = { .on_done = errand_done } };
	char dir[] = "/tmp/check-offloop-XXXXXX", fifo[64], command[128];
	struct pollfd p = { .events = POLLIN };
	size_t n;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/alive", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	n = (size_t)snprintf(command, sizeof(command), "exec 3>%s; sleep 1000", fifo);
	setup();
	ck_assert_int_eq(launcher_ask(&launcher, &e.launch, LAUNCH_KEY_COMMAND, command, n), 0);
	p.fd = open(fifo, O_RDONLY); /* it runs */
	ck_assert_int_ge(p.fd, 0);
	teardown();
	ck_assert_int_eq(poll(&p, 1, LAUNCH_KEY_COMMAND_MAX_SEC / 2 * 1000), 1);
	ck_assert_int_eq(p.revents, POLLHUP);
	close(p.fd);
	unlink(fifo);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_key_command_ignores_and_blocks_no_signal)
{
	static struct errand e;

	signal(SIGQUIT, SIG_IGN); /* as in the background of a script */
	setup();
	signal(SIGQUIT, SIG_DFL);
	/* of the last eight digits but the highest bit: beyond are signals that only libc can set */
	ask_key(&e, "grep -E '^Sig(Blk|Ign):' /proc/self/status | while read -r _ set; do "
		    "echo $((0x${set#????????} & 0x7fffffff)); done");
	ck_assert_int_eq(e.r, 0);
	ck_assert_str_eq(e.text, "0\n0\n");
	teardown();
}
END_TEST

START_TEST(sec_c08_no_program_inherits_a_key)
{
	static struct errand e;

	setup();
	ask_key(&e, "printf '[%s]' \"$CWSANDBOX_API_KEY\"; tr '\\0' '\\n' </proc/$PPID/environ | "
		    "grep -c canary; :");
	ck_assert_int_eq(e.r, 0);
	ck_assert_str_eq(e.text, "[]0\n");
	teardown();
}
END_TEST

START_TEST(a_detached_program_has_a_scrubbed_environment_and_its_end_is_told)
{
	static struct errand e;
	char dir[] = "/tmp/check-offloop-XXXXXX", script[64], out[64], argv[160], text[4096] = "";
	FILE *f;
	size_t n;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(script, sizeof(script), "%s/run", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	f = fopen(script, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/sh\n{ env; echo cwd=$(pwd); [ $(cut -d ' ' -f 6 /proc/$$/stat) = $$ ] "
		   "&& echo its own session; } >\"$1\"; "
		   "head -c 1000 /dev/zero | tr '\\0' x >&2; printf '\\nit was\\nso\\n\\n' >&2; "
		   "exit 3\n");
	fclose(f);
	ck_assert_int_eq(chmod(script, 0700), 0);
	setup();
	n = (size_t)snprintf(argv, sizeof(argv), "%s%c%s", script, 0, out) + 1;
	ask(&e, LAUNCH_DETACHED, argv, n);
	ck_assert_int_eq(e.r, -ECHILD);
	ck_assert_str_eq(e.text, "so");
	f = fopen(out, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, f), 0);
	fclose(f);
	ck_assert_ptr_null(strstr(text, "canary"));
	ck_assert_ptr_null(strstr(text, "SECRET_OF_MINE"));
	ck_assert_ptr_nonnull(strstr(text, "PATH="));
	ck_assert_ptr_nonnull(strstr(text, "cwd=/\nits own session\n"));
	teardown();
	unlink(script);
	unlink(out);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_or_ends_without_a_word_is_told)
{
	static const char argv[] = "/nonexistent/program", silent[] = "/bin/false";
	static struct errand e;

	setup();
	ask(&e, LAUNCH_DETACHED, argv, sizeof(argv));
	ck_assert_int_eq(e.r, -ECHILD);
	ck_assert_str_eq(e.text, "No such file or directory");
	ask(&e, LAUNCH_DETACHED, silent, sizeof(silent));
	ck_assert_int_eq(e.r, -ECHILD);
	ck_assert_str_eq(e.text, "it ended with code 1");
	teardown();
}
END_TEST

START_TEST(without_the_launcher_an_errand_is_refused_at_once)
{
	struct errand e = { .launch = { .on_done = errand_done } };

	setup();
	ck_assert_int_eq(kill(launcher.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(launcher.pid, NULL, 0), launcher.pid);
	launcher.pid = 0;
	ck_assert_int_eq(
		launcher_ask(&launcher, &e.launch, LAUNCH_KEY_COMMAND, "echo key", 8), -EPIPE);
	teardown();
}
END_TEST

/* ---- secrets ------------------------------------------------------------------------------------ */

START_TEST(sec_c09_a_secret_is_locked_memory_and_equal_only_to_itself)
{
	char long_text[SECRET_MAX + 1];
	struct secret *a = NULL, *b = NULL;

	memset(long_text, 'k', sizeof(long_text));
	ck_assert_int_eq(secret_new(&a, long_text, SECRET_MAX + 1), -E2BIG);
	ck_assert_int_eq(secret_new(&a, long_text, SECRET_MAX), 0);
	ck_assert_int_eq(secret_new(&b, "kk", 2), 0);
	ck_assert(secret_is_locked(b));
	ck_assert_str_eq(secret_text(b), "kk");
	ck_assert(!secret_equal(a, b) && secret_equal(b, b) && secret_equal(NULL, NULL) &&
		  !secret_equal(a, NULL));
	secret_free(a);
	secret_free(b);
}
END_TEST

TEST_MAIN("offloop", a_job_runs_off_the_loop_and_is_finished_on_it,
	the_queue_takes_256_jobs_and_all_are_finished_at_the_end,
	the_end_waits_two_seconds_for_a_job_whatever_the_time_of_day_is,
	the_key_commands_output_comes_back_and_its_failure_is_told,
	a_key_command_ends_with_the_daemon, a_key_command_ignores_and_blocks_no_signal,
	sec_c08_no_program_inherits_a_key,
	a_detached_program_has_a_scrubbed_environment_and_its_end_is_told,
	a_program_that_is_not_there_or_ends_without_a_word_is_told,
	without_the_launcher_an_errand_is_refused_at_once,
	sec_c09_a_secret_is_locked_memory_and_equal_only_to_itself)

/* Makes process events: load KIND RATE COUNT. RATE is repetitions per second, 0 for as fast as it goes; COUNT is how many.
 * Prints what it made and what that took, one line of name=value. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what, int error)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(error));
	exit(1);
}

static void make_comm(void)
{
	prctl(PR_SET_NAME, "storm");
}

static void wait_for(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid)
		fail("waitpid", errno);
}

static void make_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork", errno);
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

static void *nothing(void *argument)
{
	return argument;
}

static void make_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	if (error != 0)
		fail("pthread_create", error);
	pthread_join(thread, NULL);
}

static void make_exec(void)
{
	char *arguments[] = { "load", "nothing", NULL };
	pid_t pid;
	int error = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ);

	if (error != 0)
		fail("posix_spawn", error);
	wait_for(pid);
}

static const struct kind {
	const char *name;
	void (*make)(void);
	unsigned events; /* each repetition makes so many */
} kinds[] = {
	{ "comm", make_comm, 1 },
	{ "fork", make_fork, 2 },     /* FORK, EXIT */
	{ "thread", make_thread, 2 }, /* FORK, EXIT */
	{ "exec", make_exec, 3 },     /* FORK, EXEC, EXIT */
};

/* Evenly: sleeps when there is time to, else looks at the clock until it is time. */
static void wait_until(uint64_t due)
{
	for (;;) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		if (now >= due)
			return;
		if (due - now > 50000) {
			struct timespec t = { (time_t)(due / 1000000000u), (long)(due % 1000000000u) };

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		}
	}
}

static uint64_t cpu_ns(void)
{
	struct rusage children;

	getrusage(RUSAGE_CHILDREN, &children);
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
	       1000u * ((uint64_t)children.ru_utime.tv_usec + (uint64_t)children.ru_stime.tv_usec +
			1000000u * ((uint64_t)children.ru_utime.tv_sec + (uint64_t)children.ru_stime.tv_sec));
}

int main(int argc, char **argv)
{
	const struct kind *kind = NULL;
	uint64_t rate, count, start, cpu;

	if (argc == 2 && strcmp(argv[1], "nothing") == 0)
		return 0;
	if (argc == 4)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (strcmp(argv[1], kinds[i].name) == 0)
				kind = &kinds[i];
	if (!kind) {
		fprintf(stderr, "usage: load comm|fork|thread|exec RATE COUNT\n");
		return 2;
	}
	rate = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10);
	prctl(PR_SET_TIMERSLACK, 1);
	cpu = cpu_ns();
	start = clock_ns(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < count; i++) {
		if (rate != 0)
			wait_until(start + (uint64_t)((double)i * 1e9 / (double)rate));
		kind->make();
	}
	printf("events=%llu wall_ns=%llu cpu_ns=%llu\n", (unsigned long long)(count * kind->events),
	       (unsigned long long)(clock_ns(CLOCK_MONOTONIC) - start), (unsigned long long)(cpu_ns() - cpu));
	return 0;
}

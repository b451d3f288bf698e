/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cnproc_event_is_thread, CNPROC_OPEN_SKIP_THREADS, and a leader's exit that is not its process's end. */
#include <cnproc.h>

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void *work_on(void *unused)
{
    (void)unused;
    usleep(100 * 1000); /* The leader has gone by then. */
    prctl(PR_SET_NAME, "at work");
    _exit(5);
}

/* A process whose leader ends before its other thread. */
static pid_t make(void)
{
    pthread_t thread;
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQUAL(pthread_create(&thread, NULL, work_on, NULL), 0);
        pthread_exit(NULL);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(WEXITSTATUS(status), 5);
    return child;
}

/* Each type and whether it is a thread's, as F C E, or f c e of a thread. */
static void hear(struct cnproc *cp, pid_t process, const char *expected)
{
    struct cnproc_event event;

    while (*expected) {
        char letter;

        CHECK_EQUAL(cnproc_recv(cp, &event, 1, 20000), 1);
        CHECK(event.what != CNPROC_EVENT_LOST);
        if (cnproc_event_tgid(&event) != process)
            continue;
        CHECK_EQUAL(cnproc_event_pid(&event) != process, cnproc_event_is_thread(&event));
        letter = event.what == CNPROC_EVENT_FORK ? 'F' : event.what == CNPROC_EVENT_COMM ? 'C' : 'E';
        if (cnproc_event_is_thread(&event))
            letter += 'a' - 'A';
        CHECK_EQUAL(letter, *expected);
        expected++;
    }
}

int main(void)
{
    struct cnproc_options options;
    struct cnproc_stats stats;
    struct cnproc *all = NULL, *processes = NULL;
    pid_t process;
    int error;

    memset(&options, 0, sizeof options);
    options.flags = CNPROC_OPEN_SKIP_THREADS;
    error = cnproc_open(&all, NULL, 0);
    if (error != 0) {
        fprintf(stderr, "%s\n", cnproc_strerror(error));
        return SKIP;
    }
    CHECK_EQUAL(cnproc_open(&processes, &options, sizeof options), 0);
    CHECK_EQUAL(cnproc_get_stats(processes, &stats, sizeof stats), 0);
    CHECK_EQUAL(stats.flags & CNPROC_STATS_SKIP_THREADS, CNPROC_STATS_SKIP_THREADS);
    CHECK_EQUAL(cnproc_get_stats(all, &stats, sizeof stats), 0);
    CHECK_EQUAL(stats.flags & CNPROC_STATS_SKIP_THREADS, 0);

    process = make();
    hear(all, process, "FfEce");
    hear(processes, process, "FE");
    cnproc_close(processes);
    cnproc_close(all);
    return 0;
}

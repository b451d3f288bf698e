/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cnproc_event_is_thread, CNPROC_OPEN_SKIP_THREADS, and an EXIT of a leader that is not its process's end. */
#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "listener.h"

/* Closed when the leader has exited. */
static int gate[2];

static void *outlive_the_leader(void *unused)
{
    char byte;

    (void)unused;
    CHECK_EQUAL(read(gate[0], &byte, 1), 0);
    prctl(PR_SET_NAME, "at work");
    _exit(5);
}

/* A process whose leader exits before its other thread. */
static pid_t start(void)
{
    pthread_t thread;
    pid_t child;

    CHECK_EQUAL(pipe(gate), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(gate[1]);
        CHECK_EQUAL(pthread_create(&thread, NULL, outlive_the_leader, NULL), 0);
        pthread_exit(NULL);
    }
    close(gate[0]);
    return child;
}

/* The next events of a process: the letter of each type (FORK, COMM, EXIT), small if it is about a thread only. */
static void check_events(struct cnproc *cp, pid_t process, const char *expected)
{
    while (*expected) {
        struct cnproc_event event = next_event(cp);
        char letter;

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
    struct cnproc_options options = { 0 };
    struct cnproc_stats stats;
    struct cnproc *all = open_listener(NULL), *processes;
    pid_t process;
    int status;

    options.flags = CNPROC_OPEN_SKIP_THREADS;
    processes = open_listener(&options);
    CHECK_EQUAL(cnproc_get_stats(processes, &stats, sizeof stats), 0);
    CHECK_EQUAL(stats.flags & CNPROC_STATS_SKIP_THREADS, CNPROC_STATS_SKIP_THREADS);
    CHECK_EQUAL(cnproc_get_stats(all, &stats, sizeof stats), 0);
    CHECK_EQUAL(stats.flags & CNPROC_STATS_SKIP_THREADS, 0);

    process = start();
    check_events(all, process, "FfE");
    close(gate[1]);
    check_events(all, process, "ce");
    check_events(processes, process, "FE");
    CHECK_EQUAL(waitpid(process, &status, 0), process);
    CHECK_EQUAL(WEXITSTATUS(status), 5);
    cnproc_close(processes);
    cnproc_close(all);
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exit_status PID: waits for the end of a process that need not be a child, and tells how it ended.
 *
 * An EXIT event is a thread's, and the process's status is that of its last thread. Its pidfd says when
 * it has ended, which may be a moment before the last EXIT is sent. (Linux 5.3 has pidfd_open.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cnproc.h>

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "exit_status: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

static int has_ended(int pidfd)
{
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };

    return poll(&ended, 1, 0) == 1;
}

#define MOMENT_MS 100

static uint64_t now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* 1: it ended, with *status. 0: it ended, and its last event may be among those that were lost. */
static int wait_for_end(struct cnproc *cp, int pidfd, int32_t tgid, int *status)
{
    struct cnproc_event event;
    uint64_t ended = 0;
    int ret, known = 0;

    while ((ret = cnproc_recv(cp, &event, 1, ended ? MOMENT_MS : -1)) != 0) {
        if (ret == -EINTR)
            continue;
        if (ret < 0)
            return ret;
        if (ended && event.timestamp_ns > ended + MOMENT_MS * 1000000)
            break;
        if (event.what == CNPROC_EVENT_LOST) {
            known = 0;
        } else if (event.what == CNPROC_EVENT_EXIT
                   && event.event_data.exit.process_tgid == tgid) {
            *status = (int)event.event_data.exit.exit_code;
            known = 1;
        } else {
            continue;
        }
        if (!ended && has_ended(pidfd))
            ended = now();
    }
    return known;
}

int main(int argc, char **argv)
{
    struct cnproc_options options = { .events = CNPROC_EVENT_EXIT };
    struct cnproc *cp;
    int ret, pidfd, pid, status = 0;
    char excess;

    if (argc != 2 || sscanf(argv[1], "%d%c", &pid, &excess) != 1)
        return fail("usage", "exit_status PID");
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret < 0)
        return fail("open", cnproc_strerror(ret));
    /* Listening already: an end after this cannot be missed. */
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 || has_ended(pidfd)) {
        ret = pidfd < 0 ? errno : ESRCH;
        cnproc_close(cp);
        return fail(argv[1], strerror(ret));
    }
    ret = wait_for_end(cp, pidfd, pid, &status);
    cnproc_close(cp);
    close(pidfd);
    if (ret < 0)
        return fail("recv", cnproc_strerror(ret));
    if (ret == 0)
        return fail(argv[1], "it ended, but how was lost");
    if (WIFSIGNALED(status))
        printf("%d: killed by signal %d (%s)%s\n", pid, WTERMSIG(status),
               strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
    else
        printf("%d: exited with status %d\n", pid, WEXITSTATUS(status));
    return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exit_status PID: waits until a process exits, which need not be a child, and prints how it exited.
 *
 * An EXIT event is that of a thread, and a process's status is that of its last thread. The pidfd becomes
 * readable when the process has exited, which can be a moment before the last EXIT is sent. (pidfd_open
 * requires Linux 5.3.)
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

static int has_exited(int pidfd)
{
    struct pollfd exited = { .fd = pidfd, .events = POLLIN };

    return poll(&exited, 1, 0) == 1;
}

#define MOMENT_MS 100

static uint64_t now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* 1: it exited, with *status. 0: it exited, and its last event may be among those that were lost. */
static int wait_for_exit(struct cnproc *cp, int pidfd, int32_t tgid, int *status)
{
    struct cnproc_event event;
    uint64_t exited = 0;
    int ret, known = 0;

    while ((ret = cnproc_recv(cp, &event, 1, exited ? MOMENT_MS : -1)) != 0) {
        if (ret == -EINTR)
            continue;
        if (ret < 0)
            return ret;
        if (exited && event.timestamp_ns > exited + MOMENT_MS * 1000000)
            break;
        if (event.what == CNPROC_EVENT_LOST) {
            known = 0;
        } else if (event.what == CNPROC_EVENT_EXIT && cnproc_event_tgid(&event) == tgid) {
            *status = (int)event.event_data.exit.exit_code;
            known = 1;
        } else {
            continue;
        }
        if (!exited && has_exited(pidfd))
            exited = now();
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
    /* The listener is open: an exit after this cannot be missed. */
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 || has_exited(pidfd)) {
        ret = pidfd < 0 ? errno : ESRCH;
        cnproc_close(cp);
        return fail(argv[1], strerror(ret));
    }
    ret = wait_for_exit(cp, pidfd, pid, &status);
    cnproc_close(cp);
    close(pidfd);
    if (ret < 0)
        return fail("recv", cnproc_strerror(ret));
    if (ret == 0)
        return fail(argv[1], "it exited, but the event with its status was lost");
    if (WIFSIGNALED(status))
        printf("%d: killed by signal %d (%s)%s\n", pid, WTERMSIG(status),
               strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
    else
        printf("%d: exited with status %d\n", pid, WEXITSTATUS(status));
    return EXIT_SUCCESS;
}

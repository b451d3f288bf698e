/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A signal ends a wait with -EINTR, also where the kernel would restart the call. */
#include <cnproc.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "test.h"

static void nothing(int signal)
{
    (void)signal;
}

static long long now_ms(void)
{
    struct timespec now;

    CHECK_EQUAL(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Waits all that time, whatever comes. How often it was interrupted. */
static int wait_for(struct cnproc *cp, long long milliseconds)
{
    struct cnproc_event events[16];
    long long end = now_ms() + milliseconds, left;
    int interrupted = 0;

    while ((left = end - now_ms()) > 0) {
        int count = cnproc_recv(cp, events, 16, (int)left);

        CHECK(count >= 0 || count == -EINTR);
        interrupted += count == -EINTR;
    }
    return interrupted;
}

int main(void)
{
    struct itimerval every_ms = { { 0, 1000 }, { 0, 1000 } };
    struct cnproc_options options;
    struct cnproc_event event;
    struct cnproc *cp = NULL;
    struct pollfd poll_fd;
    int flags, error;

    memset(&options, 0, sizeof options);
    options.events = CNPROC_EVENT_SID;
    error = cnproc_open(&cp, &options, sizeof options);
    if (error != 0) {
        fprintf(stderr, "%s\n", cnproc_strerror(error));
        return SKIP;
    }
    /* Nobody is there to interrupt: a wait lasts as long as asked. */
    CHECK_EQUAL(wait_for(cp, 30), 0);

    for (flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        struct sigaction action;

        memset(&action, 0, sizeof action);
        action.sa_handler = nothing;
        action.sa_flags = flags;
        CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
        CHECK_EQUAL(setitimer(ITIMER_REAL, &every_ms, NULL), 0);
        while ((error = cnproc_recv(cp, &event, 1, -1)) >= 0)
            ;
        CHECK_EQUAL(error, -EINTR);
        CHECK(wait_for(cp, 100) > 0);
    }
    every_ms.it_value.tv_usec = every_ms.it_interval.tv_usec = 0;
    CHECK_EQUAL(setitimer(ITIMER_REAL, &every_ms, NULL), 0);

    /* The descriptor polls. */
    while (cnproc_recv(cp, &event, 1, 0) > 0)
        ;
    poll_fd.fd = cnproc_fd(cp);
    poll_fd.events = POLLIN;
    CHECK(poll_fd.fd >= 0);
    CHECK_EQUAL(poll(&poll_fd, 1, 0), 0);
    cnproc_close(cp);
    return 0;
}

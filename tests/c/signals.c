/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A signal handler ends a wait with -EINTR, also where the kernel would restart the call. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "listener.h"

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

/* Waits for so long, whatever comes. Returns how often the wait was interrupted. */
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

/* The descriptor is readable only if there is something to receive. */
static void poll_empty(struct cnproc *cp)
{
    struct cnproc_event event;
    struct cnproc_stats before, after;
    struct pollfd polled = { cnproc_fd(cp), POLLIN, 0 };

    CHECK(polled.fd >= 0);
    for (;;) {
        while (cnproc_recv(cp, &event, 1, 0) > 0)
            ;
        CHECK_EQUAL(cnproc_get_stats(cp, &before, sizeof before), 0);
        if (poll(&polled, 1, 0) == 0)
            return;
        /* Other programs generate events, and forge some. */
        while (cnproc_recv(cp, &event, 1, 0) > 0)
            ;
        CHECK_EQUAL(cnproc_get_stats(cp, &after, sizeof after), 0);
        CHECK(after.delivered + after.forged + after.lost > before.delivered + before.forged + before.lost);
    }
}

int main(void)
{
    struct itimerval every_ms = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
    struct cnproc_options options = { 0 };
    struct cnproc_event event;
    struct cnproc *cp;
    int flags, ret;

    options.events = CNPROC_EVENT_SID;
    cp = open_listener(&options);
    /* Without signals a wait lasts as long as its timeout. */
    CHECK_EQUAL(wait_for(cp, 30), 0);

    for (flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        struct sigaction action;
        long long end;

        memset(&action, 0, sizeof action);
        action.sa_handler = nothing;
        action.sa_flags = flags;
        CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
        CHECK_EQUAL(setitimer(ITIMER_REAL, &every_ms, NULL), 0);
        while ((ret = cnproc_recv(cp, &event, 1, -1)) >= 0)
            ;
        CHECK_EQUAL(ret, -EINTR);
        /* On a busy machine this process may not run while a wait lasts. */
        for (end = now_ms() + HANG_LIMIT_MS; wait_for(cp, 100) == 0;)
            CHECK(now_ms() < end);
    }
    CHECK_EQUAL(setitimer(ITIMER_REAL, &never, NULL), 0);
    poll_empty(cp);
    cnproc_close(cp);
    return 0;
}

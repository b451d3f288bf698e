/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* coalesce_us delays events: the first makes the descriptor readable, and is delivered when the delay ends. */
#include <poll.h>
#include <unistd.h>

#include "listener.h"

static void generate_sid_event(void)
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        setsid();
        _exit(0);
    }
    check_child(pid);
}

static struct cnproc *open_coalescing(uint32_t coalesce_us)
{
    struct cnproc_options options = { 0 };

    options.events = CNPROC_EVENT_SID;
    options.coalesce_us = coalesce_us;
    return open_listener(&options);
}

int main(void)
{
    struct cnproc_event event;
    struct pollfd polled = { -1, POLLIN, 0 };
    /* More than an hour. */
    struct cnproc *cp = open_coalescing(UINT32_MAX);

    generate_sid_event();
    polled.fd = cnproc_fd(cp);
    CHECK_EQUAL(poll(&polled, 1, HANG_LIMIT_MS), 1);
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), 0);
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 100), 0);
    cnproc_close(cp);

    cp = open_coalescing(20000);
    generate_sid_event();
    event = next_event(cp);
    CHECK_EQUAL(event.what, CNPROC_EVENT_SID);
    cnproc_close(cp);
    return 0;
}

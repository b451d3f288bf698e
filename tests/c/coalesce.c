/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* coalesce_us is heeded: the first event makes the descriptor readable, is not handed over before its time, and is then. */
#include <cnproc.h>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void make_sid_event(void)
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        setsid();
        _exit(0);
    }
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
}

static struct cnproc *open_coalescing(uint32_t coalesce_us)
{
    struct cnproc_options options = { 0 };
    struct cnproc *cp;
    int ret;

    options.events = CNPROC_EVENT_SID;
    options.coalesce_us = coalesce_us;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret < 0) {
        fprintf(stderr, "cnproc_open: %s\n", cnproc_strerror(ret));
        exit(SKIP);
    }
    return cp;
}

int main(void)
{
    struct cnproc_event event;
    struct pollfd polled = { -1, POLLIN, 0 };
    struct cnproc *cp = open_coalescing(UINT32_MAX);

    make_sid_event();
    polled.fd = cnproc_fd(cp);
    CHECK_EQUAL(poll(&polled, 1, 20000), 1);
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), 0);
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 100), 0);
    cnproc_close(cp);

    cp = open_coalescing(20000);
    make_sid_event();
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 20000), 1);
    CHECK_EQUAL(event.what, CNPROC_EVENT_SID);
    cnproc_close(cp);
    return 0;
}

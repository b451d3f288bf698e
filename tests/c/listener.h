/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the C tests with a listener share. Other programs generate events, too, and can spoil a run. */
#ifndef LISTENER_H
#define LISTENER_H

#include <cnproc.h>

#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static inline void disturbed(const char *how)
{
    fprintf(stderr, "disturbed: %s\n", how);
    exit(DISTURBED);
}

/* Skips the test if cnproc_open returned that no process like this one can listen here, and fails after any other
 * error. */
static inline void skip_unless_open(int ret)
{
    switch (ret) {
    case 0:
        return;
    case -CNPROC_ENOCONNECTOR:
    case -CNPROC_ENOPROCEVENTS:
    case -CNPROC_ENETNS:
    case -CNPROC_EUSERNS:
    case -CNPROC_EPIDNS:
    case -CNPROC_EPERM:
    case -CNPROC_ESANDBOX:
        fprintf(stderr, "no listener: %s\n", cnproc_strerror(ret));
        exit(SKIP);
    case -CNPROC_ENOACK:
        disturbed("the queue was full for as long as cnproc_open waits");
        break;
    default:
        fprintf(stderr, "cnproc_open: %s\n", cnproc_strerror(ret));
        exit(1);
    }
}

/* Opens a listener, or skips the test. NULL: the default options. */
static inline struct cnproc *open_listener(const struct cnproc_options *options)
{
    struct cnproc *cp = NULL;

    skip_unless_open(cnproc_open(&cp, options, sizeof *options));
    CHECK(cp != NULL);
    return cp;
}

/* Skips the test for an ordinary user. */
static inline void skip_unless_root(void)
{
    if (geteuid() != 0) {
        fprintf(stderr, "not root\n");
        exit(SKIP);
    }
}

/* Fails unless others have made proofs uncertain: by LISTENs, or by filling the queue. */
static inline void uncertain(struct cnproc *cp)
{
    struct cnproc_event event;
    struct cnproc_stats stats;

    /* What is queued is not counted yet. */
    while (cnproc_recv(cp, &event, 1, 0) > 0)
        ;
    CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
    CHECK(stats.lost + stats.maybe_muted > 0);
    disturbed("others made it uncertain whether the stream is complete");
}

/* Events were lost. Others have caused that, if the queue was full: an event takes less than 2 KiB of it. */
static inline void lost(struct cnproc *cp)
{
    struct cnproc_event event;
    struct cnproc_stats stats;

    while (cnproc_recv(cp, &event, 1, 0) > 0)
        ;
    CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
    CHECK(stats.delivered + stats.forged >= stats.receive_buffer / 2048);
    disturbed("events were lost");
}

/* The next event. */
static inline struct cnproc_event next_event(struct cnproc *cp)
{
    struct cnproc_event event;

    CHECK_EQUAL(cnproc_recv(cp, &event, 1, HANG_LIMIT_MS), 1);
    if (event.what == CNPROC_EVENT_LOST)
        lost(cp);
    return event;
}

/* The next event of that type of a process. */
static inline struct cnproc_event await_event(struct cnproc *cp, uint32_t what, pid_t tgid)
{
    struct cnproc_event event;

    do
        event = next_event(cp);
    while (event.what != what || cnproc_event_tgid(&event) != tgid);
    return event;
}

/* Waits until a child exits. It must pass. */
static inline void check_child(pid_t child)
{
    int status;

    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == DISTURBED)
        disturbed("in a child");
    CHECK_EQUAL(status, 0);
}

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CNPROC_OPEN_RING: events come, through a ring or not, and the statistics have which, and why. */
#include <poll.h>
#include <unistd.h>

#include "listener.h"

static pid_t generate(uid_t user)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0)
        _exit(setuid(user) == 0 ? 0 : 1);
    check_child(child);
    return child;
}

/* Whether there is a ring. If not, there is an error that the library explains. */
static int has_ring(struct cnproc *cp)
{
    struct cnproc_stats stats;

    CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
    if (stats.source == CNPROC_SOURCE_RING) {
        CHECK_EQUAL(stats.ring_error, 0);
        return 1;
    }
    CHECK_EQUAL(stats.source, CNPROC_SOURCE_SOCKET);
    CHECK(stats.ring_error < 0);
    fprintf(stderr, "no ring: %s\n", cnproc_strerror(stats.ring_error));
    return 0;
}

static void receive(uint32_t coalesce_us)
{
    struct cnproc_options options = { 0 };
    struct cnproc_event event;
    struct pollfd polled = { -1, POLLIN, 0 };
    struct cnproc *cp;
    pid_t child;
    int i;

    options.flags = CNPROC_OPEN_RING;
    options.events = CNPROC_EVENT_UID;
    options.coalesce_us = coalesce_us;
    cp = open_listener(&options);
    has_ring(cp);
    while (cnproc_recv(cp, &event, 1, 0) > 0)
        ;
    polled.fd = cnproc_fd(cp);
    for (i = 1; i <= 20; i++) {
        child = generate((uid_t)i);
        CHECK_EQUAL(poll(&polled, 1, HANG_LIMIT_MS), 1);
        event = await_event(cp, CNPROC_EVENT_UID, child);
        CHECK_EQUAL(event.event_data.id.r.ruid, i);
    }
    /* A forked child closes its copy. */
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        cnproc_close(cp);
        _exit(0);
    }
    check_child(child);
    child = generate(21);
    await_event(cp, CNPROC_EVENT_UID, child);
    cnproc_close(cp);
}

/* Without capabilities there is none, and an ordinary user may listen all the same, or not. */
static void receive_as_nobody(void)
{
    struct cnproc_options options = { 0 };
    struct cnproc_stats stats;
    struct cnproc *cp;
    pid_t child = fork();
    int ret;

    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQUAL(setuid(65534), 0);
        options.flags = CNPROC_OPEN_RING;
        ret = cnproc_open(&cp, &options, sizeof options);
        if (ret == 0) {
            CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
            CHECK_EQUAL(stats.source, CNPROC_SOURCE_SOCKET);
            CHECK(stats.ring_error == -CNPROC_ERINGPERM || stats.ring_error == -CNPROC_ENORING);
            cnproc_close(cp);
        } else {
            CHECK_EQUAL(ret, -CNPROC_EPERM);
        }
        _exit(0);
    }
    check_child(child);
}

int main(void)
{
    skip_unless_root();
    receive(0);
    receive(1000);
    receive_as_nobody();
    return 0;
}

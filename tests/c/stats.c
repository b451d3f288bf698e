/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What cnproc_get_stats counts: delivered, lost, forged, acknowledgements; the filter and the buffer. */
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "listener.h"

enum { EVENTS = 5000, FORGED = 7 };

/* Generates EVENTS events of type GID. */
static void generate(void)
{
    int i;

    for (i = 1; i <= EVENTS; i++)
        syscall(SYS_setresgid, i, i, i);
}

/* From another process, to the whole group. */
static void forge(void)
{
    struct sockaddr_nl group;
    char message[76];
    int fd, i;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        memset(&group, 0, sizeof group);
        memset(message, 0, sizeof message);
        group.nl_family = AF_NETLINK;
        group.nl_groups = 1;
        fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);
        for (i = 0; i < FORGED; i++) {
            const struct sockaddr *to = (const struct sockaddr *)(const void *)&group;

            if (sendto(fd, message, sizeof message, 0, to, sizeof group) < 0)
                _exit(1);
        }
        _exit(0);
    }
    check_child(child);
}

/* What others do, with room for all of it. */
static void count_others(void)
{
    struct cnproc_event event;
    struct cnproc_stats stats;
    struct cnproc *cp = open_listener(NULL);

    cnproc_close(open_listener(NULL));
    forge();
    while (cnproc_recv(cp, &event, 1, 0) > 0)
        CHECK(event.what != CNPROC_EVENT_NONE);
    CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
    if (stats.lost > 0)
        lost(cp);
    CHECK(stats.forged >= FORGED);
    CHECK(stats.acks >= 3); /* its own LISTEN, the other's LISTEN and IGNORE */
    CHECK(stats.maybe_muted >= 1); /* the other's LISTEN */
    cnproc_close(cp);
}

int main(void)
{
    static struct cnproc_event events[EVENTS];
    struct cnproc_options options;
    struct cnproc_stats stats;
    struct cnproc *cp;
    uint64_t delivered = 0, own = 0, missing = 0, acks = 0;
    int count, i;

    skip_unless_root();
    count_others();
    memset(&options, 0, sizeof options);
    options.flags = CNPROC_OPEN_ACKS;
    options.events = CNPROC_EVENT_GID;
    options.receive_buffer = 1 << 18; /* 630 events */
    cp = open_listener(&options);
    generate();
    while ((count = cnproc_recv(cp, events, EVENTS, 0)) > 0) {
        for (i = 0; i < count; i++) {
            if (events[i].what == CNPROC_EVENT_LOST) {
                missing += events[i].event_data.lost.count;
                continue;
            }
            delivered++;
            acks += events[i].what == CNPROC_EVENT_NONE;
            own += events[i].what == CNPROC_EVENT_GID &&
                   events[i].event_data.id.process_pid == getpid();
        }
    }
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
    CHECK_EQUAL(stats.delivered, delivered);
    CHECK_EQUAL(stats.lost, missing);
    CHECK_EQUAL(stats.acks, acks);
    CHECK(own + missing >= EVENTS && missing > 0);
    CHECK(acks + missing >= 1); /* its own LISTEN */
    CHECK_EQUAL(stats.malformed, 0);
    CHECK_EQUAL(stats.unknown, 0);
    CHECK_EQUAL(stats.events, CNPROC_EVENT_GID);
    CHECK_EQUAL(stats.flags, 0);
    CHECK_EQUAL(stats.source, CNPROC_SOURCE_SOCKET);
    CHECK_EQUAL(stats.ring_error, 0);
    for (i = 0; i < 7; i++)
        CHECK_EQUAL(stats.reserved[i], 0);
    CHECK(stats.receive_buffer > 0 && stats.receive_buffer <= 2 << 18);

    CHECK_EQUAL(cnproc_set_events(cp, 0), 0);
    CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
    CHECK_EQUAL(stats.events, CNPROC_EVENT_ALL);
    cnproc_close(cp);
    return 0;
}

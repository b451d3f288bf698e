/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A listener in an event loop, beside another descriptor: epoll waits for process events and for signals.
 * Each event is a line; SIGUSR1 prints the statistics, SIGINT and SIGTERM end the program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cnproc.h>

/* A batch may hold more than one call takes: go on until nothing is left, and only then wait again. */
static int on_events(struct cnproc *cp)
{
    struct cnproc_event events[32];
    char line[128];
    int i, count;

    while ((count = cnproc_recv(cp, events, 32, 0)) > 0)
        for (i = 0; i < count; i++)
            if (cnproc_event_format(&events[i], line, sizeof line) > 0)
                puts(line);
    return count;
}

/* Returns 1 if it is time to go. */
static int on_signal(int signals, const struct cnproc *cp)
{
    struct signalfd_siginfo info;
    struct cnproc_stats stats;

    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    if (info.ssi_signo != SIGUSR1)
        return 1;
    if (cnproc_get_stats(cp, &stats, sizeof stats) == 0)
        fprintf(stderr, "epoll_loop: %" PRIu64 " events, %" PRIu64 " lost\n", stats.delivered,
                stats.lost);
    return 0;
}

static int watch(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data = { .fd = fd } };

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int loop(struct cnproc *cp, int signals)
{
    struct epoll_event ready;
    int ret = 0, epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0 || watch(epoll, cnproc_fd(cp)) < 0 || watch(epoll, signals) < 0)
        return -errno;
    /* First: what came while the listener was opened may be read already, and wakes nobody. */
    while ((ret = on_events(cp)) == 0) {
        fflush(stdout);
        if (epoll_wait(epoll, &ready, 1, -1) == 1 && ready.data.fd == signals
            && on_signal(signals, cp))
            break;
    }
    close(epoll);
    return ret;
}

int main(void)
{
    struct cnproc *cp;
    sigset_t set;
    int ret, signals;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) {
        perror("epoll_loop: signalfd");
        return EXIT_FAILURE;
    }
    ret = cnproc_open(&cp, NULL, 0);
    if (ret == 0) {
        ret = loop(cp, signals);
        cnproc_close(cp);
    }
    if (ret < 0) {
        fprintf(stderr, "epoll_loop: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A listener in an event loop together with another descriptor: epoll waits for process events and for
 * signals. Each event is a line; SIGUSR1 prints the statistics, SIGINT and SIGTERM end the program.
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

/* Receives once, so that a flow of events does not starve the signals. */
static int on_events(struct cnproc *cp)
{
    struct cnproc_event events[32];
    char line[128];
    int i, count = cnproc_recv(cp, events, 32, 0);

    for (i = 0; i < count; i++)
        if (cnproc_event_format(&events[i], line, sizeof line) > 0)
            puts(line);
    fflush(stdout);
    return count;
}

/* Returns 1 if the program is to end. */
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

static int loop(struct cnproc *cp, int epoll, int signals)
{
    struct epoll_event ready[2];
    int i, count, waited;

    /*
     * Receive before the first wait: events that were received while the listener was opened do not make
     * the descriptor readable. While there may be more events, look for signals without waiting.
     */
    while ((count = on_events(cp)) >= 0) {
        waited = epoll_wait(epoll, ready, 2, count > 0 ? 0 : -1);
        for (i = 0; i < waited; i++)
            if (ready[i].data.fd == signals && on_signal(signals, cp))
                return 0;
    }
    return count;
}

/* With its own signals, so that they can be waited for together with events. */
static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(void)
{
    struct cnproc *cp;
    int ret, signals = open_signals(), epoll = epoll_create1(EPOLL_CLOEXEC);

    if (signals < 0 || epoll < 0) {
        perror("epoll_loop");
        return EXIT_FAILURE;
    }
    ret = cnproc_open(&cp, NULL, 0);
    if (ret == 0) {
        if (watch(epoll, cnproc_fd(cp)) < 0 || watch(epoll, signals) < 0)
            perror("epoll_loop: epoll_ctl");
        else
            ret = loop(cp, epoll, signals);
        cnproc_close(cp);
    }
    close(epoll);
    close(signals);
    if (ret < 0) {
        fprintf(stderr, "epoll_loop: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

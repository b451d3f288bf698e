/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Prints each exec, and nothing else: the kernel drops all other events, and they cost this program nothing.
 * Ctrl-C ends it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnproc.h>

static struct cnproc *cp;
static volatile sig_atomic_t need_exit;

/* The wake ends the wait also if the signal arrives just before it. */
static void on_signal(int signo)
{
    (void)signo;
    need_exit = 1;
    cnproc_wake(cp);
}

static void handle_signals(void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void print(const struct cnproc_event *event)
{
    if (event->what == CNPROC_EVENT_EXEC)
        printf("%" PRIu64 ".%06u pid=%d cpu=%u\n", event->timestamp_ns / 1000000000,
               (unsigned)(event->timestamp_ns % 1000000000 / 1000), cnproc_event_tgid(event),
               (unsigned)event->cpu);
    else if (event->what == CNPROC_EVENT_LOST)
        fprintf(stderr, "exec_watch: %" PRIu64 " events were lost here\n",
                event->event_data.lost.count);
}

int main(void)
{
    struct cnproc_options options;
    struct cnproc_event event;
    int ret;

    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(&options, 0, sizeof options);
    options.events = CNPROC_EVENT_EXEC;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret < 0) {
        fprintf(stderr, "exec_watch: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    handle_signals(on_signal);
    while (!need_exit && (ret >= 0 || ret == -EINTR)) {
        ret = cnproc_recv(cp, &event, 1, -1);
        if (ret == 1)
            print(&event);
    }
    handle_signals(SIG_DFL);
    cnproc_close(cp);
    if (ret < 0 && ret != -EINTR) {
        fprintf(stderr, "exec_watch: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

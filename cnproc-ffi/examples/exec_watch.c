/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Prints each exec, and nothing else: all other events are refused in the kernel, and cost this program
 * nothing. Ctrl-C ends it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnproc.h>

static volatile sig_atomic_t need_exit;

static void on_signal(int signo)
{
    (void)signo;
    need_exit = 1;
}

int main(void)
{
    struct cnproc_options options;
    struct cnproc_event event;
    struct sigaction action;
    struct cnproc *cp;
    int ret;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);

    memset(&options, 0, sizeof options);
    options.events = CNPROC_EVENT_EXEC;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret < 0) {
        fprintf(stderr, "exec_watch: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    while (!need_exit) {
        ret = cnproc_recv(cp, &event, 1, -1);
        if (ret == -EINTR)
            continue;
        if (ret < 0)
            break;
        if (event.what == CNPROC_EVENT_EXEC)
            printf("%" PRIu64 ".%06u pid=%d cpu=%u\n", event.timestamp_ns / 1000000000,
                   (unsigned)(event.timestamp_ns % 1000000000 / 1000),
                   (int)event.event_data.exec.process_tgid, (unsigned)event.cpu);
        else if (event.what == CNPROC_EVENT_LOST)
            fprintf(stderr, "exec_watch: %" PRIu64 " events were lost here\n",
                    event.event_data.lost.count);
    }
    cnproc_close(cp);
    if (ret < 0 && ret != -EINTR) {
        fprintf(stderr, "exec_watch: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The widely copied program proc_events.c, with the library: a line for each process event, until Ctrl-C. It
 * prints what the original prints; the library has the socket, the handshake and the parser.
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
static void on_sigint(int signo)
{
    (void)signo;
    need_exit = 1;
    cnproc_wake(cp);
}

static void handle_proc_event(const struct cnproc_event *event)
{
    const union cnproc_event_data *data = &event->event_data;

    switch (event->what) {
    case CNPROC_EVENT_NONE:
        printf("set mcast listen ok\n");
        break;
    case CNPROC_EVENT_FORK:
        printf("fork: parent tid=%d pid=%d -> child tid=%d pid=%d\n", data->fork.parent_pid,
               data->fork.parent_tgid, data->fork.child_pid, data->fork.child_tgid);
        break;
    case CNPROC_EVENT_EXEC:
        printf("exec: tid=%d pid=%d\n", data->exec.process_pid, data->exec.process_tgid);
        break;
    case CNPROC_EVENT_UID:
        printf("uid change: tid=%d pid=%d from %d to %d\n", data->id.process_pid,
               data->id.process_tgid, (int)data->id.r.ruid, (int)data->id.e.euid);
        break;
    case CNPROC_EVENT_GID:
        printf("gid change: tid=%d pid=%d from %d to %d\n", data->id.process_pid,
               data->id.process_tgid, (int)data->id.r.rgid, (int)data->id.e.egid);
        break;
    case CNPROC_EVENT_EXIT:
        printf("exit: tid=%d pid=%d exit_code=%d\n", data->exit.process_pid,
               data->exit.process_tgid, (int)data->exit.exit_code);
        break;
    case CNPROC_EVENT_LOST:
        fprintf(stderr, "proc_events: %" PRIu64 " events were lost\n", data->lost.count);
        break;
    default:
        printf("unhandled proc event\n");
        break;
    }
}

static int handle_events(void)
{
    struct cnproc_event events[64];

    while (!need_exit) {
        int i, count = cnproc_recv(cp, events, sizeof events / sizeof events[0], -1);

        if (count < 0 && count != -EINTR)
            return count;
        for (i = 0; i < count; i++)
            handle_proc_event(&events[i]);
        if (fflush(stdout) != 0) {
            perror("proc_events: stdout");
            exit(EXIT_FAILURE);
        }
    }
    return 0;
}

int main(void)
{
    struct cnproc_options options;
    struct sigaction action;
    int ret;

    memset(&options, 0, sizeof options);
    options.flags = CNPROC_OPEN_ACKS;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret == 0) {
        memset(&action, 0, sizeof action);
        action.sa_handler = on_sigint;
        sigaction(SIGINT, &action, NULL);
        ret = handle_events();
        /* No handler may use the listener any more. */
        signal(SIGINT, SIG_DFL);
        cnproc_close(cp);
    }
    if (ret < 0) {
        fprintf(stderr, "proc_events: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

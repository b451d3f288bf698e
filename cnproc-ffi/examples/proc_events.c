/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The classic program, proc_events.c: one line for each process event, until Ctrl-C. The same steps and
 * the same output as ever; the socket, the handshake and the parsing are the library's.
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

static void on_sigint(int signo)
{
    (void)signo;
    need_exit = 1;
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

static int handle_events(struct cnproc *cp)
{
    struct cnproc_event events[64];

    while (!need_exit) {
        int i, count = cnproc_recv(cp, events, sizeof events / sizeof events[0], -1);

        if (count == -EINTR)
            continue;
        if (count < 0)
            return count;
        for (i = 0; i < count; i++)
            handle_proc_event(&events[i]);
        if (fflush(stdout) != 0)
            return -errno;
    }
    return 0;
}

int main(void)
{
    struct cnproc_options options;
    struct sigaction action;
    struct cnproc *cp;
    int ret;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_sigint;
    sigaction(SIGINT, &action, NULL);

    memset(&options, 0, sizeof options);
    options.flags = CNPROC_OPEN_ACKS;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret == 0) {
        ret = handle_events(cp);
        cnproc_close(cp);
    }
    if (ret < 0) {
        fprintf(stderr, "proc_events: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

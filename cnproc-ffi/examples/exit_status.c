/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exit_status PID: waits until a process exits, which need not be a child, and prints how it exited.
 *
 * An EXIT event is that of a thread, and a process can go on when its first thread has left. The tracker
 * reports the end of the process, with the process's status; also after events were lost.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cnproc.h>

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "exit_status: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

/* 0, with the change that reports the exit; or a negative error number. */
static int wait_for_exit(struct cnproc_tracker *t, int pid, struct cnproc_change *change)
{
    int ret;

    do {
        ret = cnproc_tracker_recv(t, change, sizeof *change, -1);
        if (ret == 1 && change->type == CNPROC_CHANGE_FOUND)
            fprintf(stderr, "exit_status: waiting for %d (%.16s)\n", pid, change->entry.comm);
        if (ret == 1 && change->type == CNPROC_CHANGE_EXITED)
            return 0;
        /* EINTR: a signal handler ran. The table is full: another process was left out. */
    } while (ret >= 0 || ret == -EINTR || ret == -CNPROC_EFULL);
    return ret;
}

int main(int argc, char **argv)
{
    struct cnproc_tracker_options options;
    struct cnproc_tracker *t;
    struct cnproc_change change;
    int ret, pid, status;
    char excess;

    if (argc != 2 || sscanf(argv[1], "%d%c", &pid, &excess) != 1)
        return fail("usage", "exit_status PID");
    memset(&options, 0, sizeof options);
    options.scope = CNPROC_SCOPE_CHOSEN;
    ret = cnproc_tracker_open(&t, &options, sizeof options);
    if (ret < 0)
        return fail("open", cnproc_strerror(ret));
    ret = cnproc_tracker_add(t, pid);
    if (ret == 0)
        ret = wait_for_exit(t, pid, &change);
    cnproc_tracker_close(t);
    if (ret < 0)
        return fail(argv[1], ret == -ESRCH ? strerror(ESRCH) : cnproc_strerror(ret));
    if (!(change.entry.known & CNPROC_KNOWN_EXIT_CODE))
        return fail(argv[1], "it exited, but its status is not known");
    status = (int)change.entry.exit_code;
    if (WIFSIGNALED(status))
        printf("%d: killed by signal %d (%s)%s\n", pid, WTERMSIG(status),
               strsignal(WTERMSIG(status)), status & 0x80 ? ", core dumped" : "");
    else
        printf("%d: exited with status %d\n", pid, WEXITSTATUS(status));
    return EXIT_SUCCESS;
}

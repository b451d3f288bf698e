/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A line for each process that starts, executes a program, or exits: time, event, pid, user, command; and of
 * one that exits, how long it lived, and how it exited. Until Ctrl-C.
 *
 * The table of the tracker has the names, so they are there also when the process is not. After losses it is
 * compared with /proc: a ~ marks what that comparison showed, and no event did.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cnproc.h>

static struct cnproc_tracker *t;
static volatile sig_atomic_t need_exit;

/* The wake ends the wait also if the signal arrives just before it. */
static void on_sigint(int signo)
{
    (void)signo;
    need_exit = 1;
    cnproc_tracker_wake(t);
}

/* Bytes that any user can choose, escaped for a terminal. */
static void print_bytes(const char *bytes, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte == '\0')
            putchar(' ');
        else if (byte >= ' ' && byte <= '~' && byte != '\\')
            putchar(byte);
        else
            printf("\\x%02x", byte);
    }
}

/* The command line; the name, if there is none or it is not known. A ? after that: it may be an earlier one. */
static void print_command(const struct cnproc_entry *entry)
{
    char command[256];
    ssize_t length = cnproc_tracker_cmdline(t, entry->id, command, sizeof command);

    if (length > 0 && entry->known & CNPROC_KNOWN_CMDLINE) {
        size_t shown = (size_t)length < sizeof command ? (size_t)length : sizeof command - 1;

        /* The NUL that ends the last argument is not a blank. */
        print_bytes(command, shown - (command[shown - 1] == '\0'));
    } else {
        size_t shown = 0;

        while (shown < sizeof entry->comm && entry->comm[shown] != '\0')
            shown++;
        putchar('[');
        print_bytes(entry->comm, shown);
        printf("%s]", entry->known & CNPROC_KNOWN_COMM ? "" : "?");
    }
}

static void print_exit(const struct cnproc_entry *entry)
{
    int status = (int)entry->exit_code;

    if (entry->exit_ns != 0)
        printf(" after %.6f s:", (double)(entry->exit_ns - entry->start_ns) / 1e9);
    else
        printf(" after ? s:");
    if (!(entry->known & CNPROC_KNOWN_EXIT_CODE))
        printf(" status unknown");
    else if (WIFSIGNALED(status))
        printf(" signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        printf(" status %d", WEXITSTATUS(status));
}

static void print(const struct cnproc_change *change, const char *what)
{
    const struct cnproc_entry *entry = &change->entry;
    uint64_t ns = change->event.timestamp_ns;
    char uid[16] = "?";

    if (entry->known & CNPROC_KNOWN_UID)
        snprintf(uid, sizeof uid, "%u", (unsigned)entry->euid);
    if (change->flags & CNPROC_INFERRED)
        printf("%12s ~%-5s", "", what);
    else
        printf("%5" PRIu64 ".%06" PRIu64 "  %-5s", ns / 1000000000, ns / 1000 % 1000000, what);
    printf("%8d %6s ", (int)entry->pid, uid);
    print_command(entry);
    if (change->type == CNPROC_CHANGE_STARTED && entry->known & CNPROC_KNOWN_PPID)
        printf(" (child of %d)", (int)entry->ppid);
    else if (change->type == CNPROC_CHANGE_EXITED)
        print_exit(entry);
    putchar('\n');
}

static int is_started, is_complete;

static void report(const struct cnproc_change *change)
{
    switch (change->type) {
    case CNPROC_CHANGE_FOUND:
        /* Those of the start are many, and no news. */
        if (is_started)
            print(change, "found");
        break;
    case CNPROC_CHANGE_STARTED:
        print(change, "fork");
        break;
    case CNPROC_CHANGE_EXECUTED:
        print(change, "exec");
        break;
    case CNPROC_CHANGE_EXITED:
        print(change, "exit");
        break;
    case CNPROC_CHANGE_LOST:
        fprintf(stderr, "process_monitor: %" PRIu64 " events were lost\n", change->count);
        is_complete = 0;
        break;
    case CNPROC_CHANGE_SYNCED:
        /* Also without a loss: others' LISTENs can be the end of a time without events. */
        if (!is_complete)
            fprintf(stderr, "process_monitor: the table is complete\n");
        is_started = is_complete = 1;
        break;
    }
}

static int monitor(void)
{
    struct cnproc_change change;

    while (!need_exit) {
        int ret = cnproc_tracker_recv(t, &change, sizeof change, -1);

        if (ret == 1)
            report(&change);
        else if (ret < 0 && ret != -EINTR)
            return ret;
    }
    return 0;
}

int main(void)
{
    struct cnproc_tracker_options options;
    struct sigaction action;
    int ret;

    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(&options, 0, sizeof options);
    options.flags = CNPROC_TRACK_CMDLINE;
    ret = cnproc_tracker_open(&t, &options, sizeof options);
    if (ret == 0) {
        memset(&action, 0, sizeof action);
        action.sa_handler = on_sigint;
        sigaction(SIGINT, &action, NULL);
        printf("%12s  %-5s%8s %6s %s\n", "TIME", "EVENT", "PID", "UID", "COMMAND");
        ret = monitor();
        signal(SIGINT, SIG_DFL);
        cnproc_tracker_close(t);
    }
    if (ret < 0) {
        fprintf(stderr, "process_monitor: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

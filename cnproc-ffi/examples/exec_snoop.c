/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A line for each program that is executed: time, user, process, parent, and the command line; and whether it
 * is proven that all this belongs to that process. Until Ctrl-C.
 *
 * The identity: "proven", "likely", or "gone" if the process exited before it could be asked about. A + at the
 * end: the process has executed another program since, and the command line may be that one's.
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

/* The command line; for a process that has none, its name in brackets. */
static void print_command(const struct cnproc_process *process, const char *command, size_t size,
                          ssize_t length)
{
    char name[64];

    if (length > 0 && (size_t)length < size) {
        /* The NUL that ends the last argument is not a blank. */
        print_bytes(command, (size_t)length - (command[length - 1] == '\0'));
    } else if (length > 0) {
        print_bytes(command, size - 1);
        printf(" ... (%zd bytes)", length);
    } else if (cnproc_process_comm(process, name, sizeof name) >= 0) {
        putchar('[');
        print_bytes(name, strlen(name));
        putchar(']');
    } else {
        putchar('?');
    }
}

static void print_exec(const struct cnproc_event *event)
{
    struct cnproc_process_status status;
    struct cnproc_process *process = NULL;
    char command[4096];
    int pid = cnproc_event_tgid(event), ret;
    /* The command line first: programs that exit soon are gone later. */
    ssize_t length = cnproc_process_open_cmdline(&process, cp, event, command, sizeof command);

    printf("%5" PRIu64 ".%06" PRIu64 " ", event->timestamp_ns / 1000000000,
           event->timestamp_ns / 1000 % 1000000);
    ret = length < 0 ? (int)length : cnproc_process_get_status(process, &status, sizeof status);
    if (ret == 0) {
        int identity = cnproc_process_identity(process);

        printf("%6u %7d %7d %s ", (unsigned)status.ruid, pid, (int)status.ppid,
               identity == CNPROC_IDENTITY_PROVEN ? "proven" : "likely");
        print_command(process, command, sizeof command, length);
        puts(cnproc_process_replaced(process, cp) == CNPROC_REPLACED_YES ? " +" : "");
    } else {
        printf("%6s %7d %7s %s\n", "?", pid, "?", ret == -ESRCH ? "gone" : cnproc_strerror(ret));
    }
    cnproc_process_close(process);
}

static int snoop(void)
{
    struct cnproc_event event;

    while (!need_exit) {
        /* One at a time: each is asked about as soon as possible. */
        int count = cnproc_recv(cp, &event, 1, -1);

        if (count < 0 && count != -EINTR)
            return count;
        if (count == 1 && event.what == CNPROC_EVENT_EXEC)
            print_exec(&event);
        else if (count == 1 && event.what == CNPROC_EVENT_LOST)
            fprintf(stderr, "exec_snoop: %" PRIu64 " events were lost\n",
                    event.event_data.lost.count);
    }
    return 0;
}

int main(void)
{
    struct cnproc_options options;
    struct sigaction action;
    int ret;

    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(&options, 0, sizeof options);
    /* FORK is not printed: it shows when a pid is reused, and so makes the proof. */
    options.events = CNPROC_EVENT_FORK | CNPROC_EVENT_EXEC;
    options.flags = CNPROC_OPEN_SKIP_THREADS;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret == 0) {
        memset(&action, 0, sizeof action);
        action.sa_handler = on_sigint;
        sigaction(SIGINT, &action, NULL);
        printf("%12s %6s %7s %7s %s\n", "TIME", "UID", "PID", "PPID", "COMMAND");
        ret = snoop();
        signal(SIGINT, SIG_DFL);
        cnproc_close(cp);
    }
    if (ret < 0) {
        fprintf(stderr, "exec_snoop: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

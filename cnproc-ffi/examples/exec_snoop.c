/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One line for each program that is run: when, by whom, which process, its parent, and the command line;
 * and how sure it is that all this is of that process. Until Ctrl-C.
 *
 * The verdict: "proven", "likely", or "gone" if the process ended before it could be asked. A + behind it
 * says that the process has run yet another program since, so that the command line may be of that.
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

/* Bytes that any user may have chosen: made harmless to a terminal. */
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

static void print_command(const struct cnproc_process *process)
{
    char command[4096];
    ssize_t length = cnproc_process_cmdline(process, command, sizeof command);

    /* The last argument's NUL is no blank. */
    if (length > 0 && (size_t)length < sizeof command)
        print_bytes(command, (size_t)length - (command[length - 1] == '\0'));
    else if (length > 0)
        print_bytes(command, sizeof command - 1), printf(" ... (%zd bytes)", length);
    else if (cnproc_process_comm(process, command, sizeof command) >= 0)
        putchar('['), print_bytes(command, strlen(command)), putchar(']');
    else
        putchar('?');
}

static void print_exec(struct cnproc *cp, const struct cnproc_event *event)
{
    struct cnproc_process_status status;
    struct cnproc_process *process = NULL;
    int pid = event->event_data.exec.process_tgid;
    int ret = cnproc_process_open(&process, cp, event);

    printf("%5" PRIu64 ".%06" PRIu64 " ", event->timestamp_ns / 1000000000,
           event->timestamp_ns / 1000 % 1000000);
    if (ret == 0)
        ret = cnproc_process_get_status(process, &status, sizeof status);
    if (ret == 0) {
        int identity = cnproc_process_identity(process);

        printf("%6u %7d %7d %s ", (unsigned)status.ruid, pid, (int)status.ppid,
               identity == CNPROC_IDENTITY_PROVEN ? "proven" : "likely");
        print_command(process);
        puts(cnproc_process_replaced(process, cp) == CNPROC_REPLACED_YES ? " +" : "");
    } else {
        printf("%6s %7d %7s %s\n", "?", pid, "?", ret == -ESRCH ? "gone" : cnproc_strerror(ret));
    }
    cnproc_process_close(process);
}

static int snoop(struct cnproc *cp)
{
    struct cnproc_event event;

    while (!need_exit) {
        /* One at a time: each is asked about as soon as can be. */
        int count = cnproc_recv(cp, &event, 1, -1);

        if (count == -EINTR)
            continue;
        if (count < 0)
            return count;
        if (event.what == CNPROC_EVENT_EXEC)
            print_exec(cp, &event);
        else if (event.what == CNPROC_EVENT_LOST)
            fprintf(stderr, "exec_snoop: %" PRIu64 " events were lost\n",
                    event.event_data.lost.count);
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
    setvbuf(stdout, NULL, _IOLBF, 0);

    memset(&options, 0, sizeof options);
    /* Not to print them: FORK tells when a pid becomes another's, and makes the proof. */
    options.events = CNPROC_EVENT_FORK | CNPROC_EVENT_EXEC;
    options.flags = CNPROC_OPEN_SKIP_THREADS;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret == 0) {
        printf("%12s %6s %7s %7s %s\n", "TIME", "UID", "PID", "PPID", "COMMAND");
        ret = snoop(cp);
        cnproc_close(cp);
    }
    if (ret < 0) {
        fprintf(stderr, "exec_snoop: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

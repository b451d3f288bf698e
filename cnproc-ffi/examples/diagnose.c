/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Prints what the library finds out about this machine and this process: enough for a bug report. It changes
 * nothing, except that it enables events again if other processes have disabled them. Exits with 0 if a listener
 * works here.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cnproc.h>

/* Prints, after a name, the rest of the first line of a file that starts with a text. */
static void print_line(const char *name, const char *path, const char *start)
{
    char line[256], *rest;
    FILE *file = fopen(path, "r");
    int found = 0;

    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, start, strlen(start)) == 0;
    line[found ? strcspn(line, "\n") : 0] = '\0';
    rest = line + (found ? strlen(start) : 0);
    printf("%-18s %s\n", name, found ? rest + strspn(rest, " \t") : file ? "not there" : "not readable");
    if (file)
        fclose(file);
}

/* A namespace, and whether it is the one that the machine started with. */
static void print_namespace(const char *type, const char *initial)
{
    char path[64], link[64];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/self/ns/%s", type);
    length = readlink(path, link, sizeof link - 1);
    link[length < 0 ? 0 : length] = '\0';
    printf("%-5snamespace     %s%s\n", type, length < 0 ? "not readable" : link,
           !initial || length < 0 ? "" : strstr(link, initial) ? " (initial)" : " (not the initial one)");
}

/* Checks that the exit of a child is received, and prints the identity of its process while it is alive. */
static int print_events(struct cnproc *cp)
{
    struct cnproc_event event;
    struct cnproc_process *process;
    int status, pidfd, ret, identity = -1, ends[2];
    char byte = 0;
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || (child = fork()) < 0)
        return -1;
    if (child == 0) {
        /* Reports that it runs, and exits when the parent closes its end. */
        close(ends[0]);
        _exit(write(ends[1], &byte, 1) == 1 && read(ends[1], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &byte, 1) != 1)
        return -1;
    while ((ret = cnproc_recv(cp, &event, 1, 10000)) == 1) {
        if (event.what == CNPROC_EVENT_FORK && event.event_data.fork.child_pid == child) {
            ret = cnproc_process_open(&process, cp, &event);
            if (ret == 0) {
                identity = cnproc_process_identity(process);
                pidfd = cnproc_process_pidfd(process);
                printf("%-18s %s; pidfd: %s\n", "process of a fork",
                       identity == CNPROC_IDENTITY_PROVEN ? "proven" : "likely",
                       pidfd >= 0 ? "yes" : cnproc_strerror(pidfd));
                if (pidfd >= 0)
                    close(pidfd);
                cnproc_process_close(process);
            } else {
                printf("%-18s %s\n", "process of a fork", cnproc_strerror(ret));
            }
            close(ends[0]);
        } else if (event.what == CNPROC_EVENT_EXIT && event.event_data.exit.process_pid == child) {
            printf("%-18s received\n", "exit of a child");
            break;
        }
    }
    if (ret <= 0)
        printf("%-18s %s\n", "events", ret == 0 ? "none within 10 s" : cnproc_strerror(ret));
    if (identity < 0)
        close(ends[0]);
    waitpid(child, &status, 0);
    return ret == 1 ? 0 : -1;
}

static void print_stats(struct cnproc *cp)
{
    struct cnproc_stats stats;

    if (cnproc_get_stats(cp, &stats, sizeof stats) < 0)
        return;
    printf("%-18s %" PRIu32 " bytes granted\n", "receive buffer", stats.receive_buffer);
    printf("%-18s %s\n", "drop counter", stats.flags & CNPROC_STATS_LOWER_BOUND ? "none: losses are a lower bound" : "yes");
    printf("%-18s delivered %" PRIu64 ", lost %" PRIu64 ", trimmed %" PRIu64 ", maybe_muted %" PRIu64 ", forged %" PRIu64
           ", malformed %" PRIu64 ", unknown %" PRIu64 ", acks %" PRIu64 "\n",
           "counts", stats.delivered, stats.lost, stats.trimmed, stats.maybe_muted, stats.forged, stats.malformed,
           stats.unknown, stats.acks);
}

int main(void)
{
    static const char *const resumed[] = { "on", "were off, and are on again", "unknown" };
    struct cnproc_options options;
    const char *call = NULL;
    struct cnproc *cp;
    struct utsname system;
    int ret, failed;

    printf("%-18s %s; header %d.%d.%d\n", "cnproc", cnproc_version_string(), CNPROC_VERSION_MAJOR,
           CNPROC_VERSION_MINOR, CNPROC_VERSION_PATCH);
    if (uname(&system) == 0)
        printf("%-18s %s %s, %s\n", "kernel", system.sysname, system.release, system.machine);
    printf("%-18s %u\n", "effective user", (unsigned)geteuid());
    print_line("capabilities", "/proc/self/status", "CapEff:");
    print_line("seccomp", "/proc/self/status", "Seccomp:");
    print_namespace("net", NULL);
    print_namespace("user", "[4026531837]");
    print_namespace("pid", "[4026531836]");
    print_line("connector", "/proc/net/connector", "cn_proc");
    print_line("rmem_max", "/proc/sys/net/core/rmem_max", "");

    memset(&options, 0, sizeof options);
    options.failed_call = &call;
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret < 0) {
        printf("%-18s no (%d, %s): %s\n", "listener", ret, call ? call : "no system call", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    printf("%-18s open\n", "listener");
    failed = print_events(cp);
    ret = cnproc_resume(cp);
    printf("%-18s %s\n", "events globally", ret < 0 ? cnproc_strerror(ret) : resumed[ret]);
    print_stats(cp);
    cnproc_close(cp);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Captures a datagram of every event type from the running kernel, as files in the directory given:
 * its bytes, the kernel's version, and what C reads there with the kernel's headers. It uses nothing of
 * the library. Run it with "make golden".
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../c/reference.h"

static const char *const wanted[] = {
    "ack", "fork", "fork-thread", "exec", "uid", "gid", "sid", "ptrace", "ptrace-detach", "comm",
    "coredump", "exit", "exit-thread", "exit-signal",
};
#define WANTED (sizeof wanted / sizeof *wanted)

/* What the kernel's answer to our request carries. */
#define ACK 42

static void ask(int fd, enum proc_cn_mcast_op op)
{
    _Alignas(struct nlmsghdr) unsigned char request[NLMSG_SPACE(sizeof(struct cn_msg) + 4)] = {0};
    struct nlmsghdr *header = (void *)request;
    struct cn_msg *message = NLMSG_DATA(header);

    header->nlmsg_len = sizeof request;
    header->nlmsg_type = NLMSG_DONE;
    message->id.idx = CN_IDX_PROC;
    message->id.val = CN_VAL_PROC;
    message->ack = ACK - 1;
    message->len = sizeof op;
    memcpy(message->data, &op, sizeof op);
    if (send(fd, request, sizeof request, 0) != sizeof request)
        err(1, "send");
}

static int listen_to_the_kernel(void)
{
    struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    const int buffer = 16 << 20;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

    if (fd < 0 || bind(fd, (struct sockaddr *)&group, sizeof group) < 0)
        err(1, "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
        err(1, "SO_RCVBUFFORCE");
    ask(fd, PROC_CN_MCAST_LISTEN);
    return fd;
}

static void *nothing(void *unused)
{
    return unused;
}

/* Does what makes an event of each type, at the parent's signals. */
static void child(int go)
{
    struct rlimit none = {0, 0};
    pthread_t thread;
    char byte;

    if (read(go, &byte, 1) != 1)
        _exit(1);
    setsid();
    prctl(PR_SET_NAME, "a \\ and \x1b \xff");
    if (pthread_create(&thread, NULL, nothing, NULL) == 0)
        pthread_join(thread, NULL);
    if (setresgid(1001, 1002, 1001) < 0 || setresuid(2001, 2002, 2001) < 0)
        _exit(1);
    setrlimit(RLIMIT_CORE, &none);
    abort();
}

static pid_t make_events(void)
{
    int go[2], status;
    pid_t pid;

    if (pipe(go) < 0)
        err(1, "pipe");
    pid = fork();
    if (pid == 0)
        child(go[0]);
    if (pid < 0)
        err(1, "fork");
    if (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0 || waitpid(pid, &status, 0) != pid)
        err(1, "PTRACE_ATTACH");
    if (ptrace(PTRACE_DETACH, pid, 0, 0) < 0 || write(go[1], "", 1) != 1)
        err(1, "PTRACE_DETACH");
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status))
        errx(1, "the child could not do all: run as root");
    return pid;
}

static pid_t make_exec(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 3", (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    return pid;
}

/* Which of the wanted an event of those processes is. NULL: none. */
static const char *name_of(const struct message *message, pid_t first, pid_t second)
{
    const struct proc_event *event = &message->event;
    /* All types but ack and fork begin so. */
    pid_t pid = event->event_data.exec.process_pid, tgid = event->event_data.exec.process_tgid;

    if (event->what == PROC_EVENT_NONE)
        return message->ack == ACK ? "ack" : NULL;
    if (event->what == PROC_EVENT_FORK) {
        pid = event->event_data.fork.child_pid;
        tgid = event->event_data.fork.child_tgid;
    }
    if (tgid != first && tgid != second)
        return NULL;
    switch ((unsigned)event->what) {
    case PROC_EVENT_FORK:
        return pid == tgid ? "fork" : "fork-thread";
    case PROC_EVENT_EXEC:
        return "exec";
    case PROC_EVENT_UID:
        return "uid";
    case PROC_EVENT_GID:
        return "gid";
    case PROC_EVENT_SID:
        return "sid";
    case PROC_EVENT_PTRACE:
        return event->event_data.ptrace.tracer_pid ? "ptrace" : "ptrace-detach";
    case PROC_EVENT_COMM:
        return "comm";
    case PROC_EVENT_COREDUMP:
        return "coredump";
    case PROC_EVENT_EXIT:
        if (pid != tgid)
            return "exit-thread";
        return WIFSIGNALED(event->event_data.exit.exit_code) ? "exit-signal" : "exit";
    }
    return NULL;
}

static void keep(const char *dir, const char *name, const unsigned char *buf, size_t len)
{
    const unsigned one = 1;
    struct utsname kernel;
    char path[4096];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s.txt", dir, name);
    out = fopen(path, "w");
    if (!out || uname(&kernel) < 0)
        err(1, "%s", path);
    kernel.release[strspn(kernel.release, "0123456789.")] = '\0';
    fprintf(out, "# Captured: Linux %s, %s.\n", kernel.release, kernel.machine);
    fprintf(out, "order %s\n", *(const char *)&one ? "little" : "big");
    for (size_t at = 0; at < len; at++)
        fprintf(out, "%s%02x", at % 16 ? " " : at ? "\nbytes " : "bytes ", buf[at]);
    fputc('\n', out);
    describe(out, buf, len);
    if (fclose(out) != 0)
        err(1, "%s", path);
}

int main(int argc, char **argv)
{
    _Alignas(struct nlmsghdr) unsigned char buf[4096];
    int fd, kept[WANTED] = {0};
    pid_t first, second;

    if (argc != 2)
        errx(2, "usage: %s DIRECTORY", argv[0]);
    fd = listen_to_the_kernel();
    first = make_events();
    second = make_exec();
    for (size_t left = WANTED; left > 0;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        struct message message;
        const char *name;
        size_t at = 0;
        ssize_t len;

        if (poll(&ready, 1, 5000) != 1)
            errx(1, "%zu of %zu did not come", left, WANTED);
        len = recv(fd, buf, sizeof buf, 0);
        if (len < 0)
            err(1, "recv");
        if (!next_message(buf, (size_t)len, &at, &message) || message.kind != EVENT)
            continue;
        name = name_of(&message, first, second);
        for (size_t i = 0; name && i < WANTED; i++) {
            if (!kept[i] && strcmp(name, wanted[i]) == 0) {
                keep(argv[1], name, buf, (size_t)len);
                kept[i] = 1;
                left--;
            }
        }
    }
    ask(fd, PROC_CN_MCAST_IGNORE);
    return 0;
}

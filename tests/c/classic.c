/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The classic program as everybody writes it by hand, for comparison: a socket bound to getpid(), one
 * recv() for each event, and a switch. Its output is what proc_events.c must print, byte for byte; its
 * faults (no check of the sender or the acknowledgement, death by ENOBUFS) are what cnproc mends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

/* What the classic program casts its buffer to; <linux/connector.h> ends cn_msg with an open array. */
enum { MESSAGE = sizeof(struct nlmsghdr), DATA = MESSAGE + sizeof(struct cn_msg) };

static volatile sig_atomic_t need_exit;

static void on_sigint(int signo)
{
    (void)signo;
    need_exit = 1;
}

static int send_request(int fd, enum proc_cn_mcast_op operation)
{
    char request[DATA + sizeof operation];
    struct nlmsghdr header;
    struct cn_msg message;

    memset(&header, 0, sizeof header);
    header.nlmsg_len = sizeof request;
    header.nlmsg_pid = (__u32)getpid();
    header.nlmsg_type = NLMSG_DONE;
    memset(&message, 0, sizeof message);
    message.id.idx = CN_IDX_PROC;
    message.id.val = CN_VAL_PROC;
    message.len = sizeof operation;
    memcpy(request, &header, sizeof header);
    memcpy(request + MESSAGE, &message, sizeof message);
    memcpy(request + DATA, &operation, sizeof operation);
    return send(fd, request, sizeof request, 0) < 0 ? -1 : 0;
}

static void print(const struct proc_event *event)
{
    switch (event->what) {
    case PROC_EVENT_NONE:
        printf("set mcast listen ok\n");
        break;
    case PROC_EVENT_FORK:
        printf("fork: parent tid=%d pid=%d -> child tid=%d pid=%d\n",
               event->event_data.fork.parent_pid, event->event_data.fork.parent_tgid,
               event->event_data.fork.child_pid, event->event_data.fork.child_tgid);
        break;
    case PROC_EVENT_EXEC:
        printf("exec: tid=%d pid=%d\n", event->event_data.exec.process_pid,
               event->event_data.exec.process_tgid);
        break;
    case PROC_EVENT_UID:
        printf("uid change: tid=%d pid=%d from %d to %d\n", event->event_data.id.process_pid,
               event->event_data.id.process_tgid, (int)event->event_data.id.r.ruid,
               (int)event->event_data.id.e.euid);
        break;
    case PROC_EVENT_GID:
        printf("gid change: tid=%d pid=%d from %d to %d\n", event->event_data.id.process_pid,
               event->event_data.id.process_tgid, (int)event->event_data.id.r.rgid,
               (int)event->event_data.id.e.egid);
        break;
    case PROC_EVENT_EXIT:
        printf("exit: tid=%d pid=%d exit_code=%d\n", event->event_data.exit.process_pid,
               event->event_data.exit.process_tgid, (int)event->event_data.exit.exit_code);
        break;
    default:
        printf("unhandled proc event\n");
        break;
    }
}

int main(void)
{
    struct sockaddr_nl address;
    struct sigaction action;
    char datagram[DATA + sizeof(struct proc_event)];
    struct proc_event event;
    int fd, buffer = 64 << 20;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_sigint;
    sigaction(SIGINT, &action, NULL);

    memset(&address, 0, sizeof address);
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    address.nl_pid = (__u32)getpid();
    fd = socket(PF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("classic");
        return 1;
    }
    /* Not classic, but the comparison must not die of a burst. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (send_request(fd, PROC_CN_MCAST_LISTEN) < 0) {
        perror("classic");
        return 1;
    }
    while (!need_exit) {
        ssize_t length = recv(fd, datagram, sizeof datagram, 0);

        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0) {
            perror("classic");
            return 1;
        }
        memcpy(&event, datagram + DATA, sizeof event);
        print(&event);
        fflush(stdout);
    }
    send_request(fd, PROC_CN_MCAST_IGNORE);
    close(fd);
    return 0;
}

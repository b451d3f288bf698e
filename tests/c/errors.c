/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A system call that fails: its errno is returned unchanged, and its name is known. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "listener.h"

static const char untouched[] = "untouched";

static int open_and_name(struct cnproc **cp, const char **call)
{
    struct cnproc_options options;

    memset(&options, 0, sizeof options);
    options.events = CNPROC_EVENT_SID;
    options.failed_call = call;
    *call = untouched;
    return cnproc_open(cp, &options, sizeof options);
}

static int descriptors(void)
{
    int fd, count = 0;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* With one descriptor more each time, open fails at another call, until it succeeds. */
static void too_many_descriptors(void)
{
    int before = descriptors(), lowest = dup(0), ret, names = 0;
    const char *call, *last = NULL;
    struct rlimit limit;
    struct cnproc *cp;
    rlim_t usual;

    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    usual = limit.rlim_cur;
    CHECK_EQUAL(close(lowest), 0);
    for (limit.rlim_cur = (rlim_t)lowest;; limit.rlim_cur++) {
        CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
        ret = open_and_name(&cp, &call);
        if (ret == 0)
            break;
        CHECK_EQUAL(ret, -EMFILE);
        CHECK(call != NULL && call != untouched);
        if (last == NULL)
            CHECK(strcmp(call, "socket(NETLINK_CONNECTOR)") == 0);
        names += last == NULL || strcmp(call, last) != 0;
        last = call;
        CHECK_EQUAL(descriptors(), before);
    }
    CHECK(names >= 3);
    CHECK(call == untouched);
    cnproc_close(cp);
    CHECK_EQUAL(descriptors(), before);
    limit.rlim_cur = usual;
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* From now on the system calls that pass these steps fail with this errno. */
static void refuse_if(const struct sock_filter *condition, size_t length, int error)
{
    const struct sock_filter last[] = {
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter steps[8];
    struct sock_fprog program = { (unsigned short)(length + 2), steps };

    memcpy(steps, condition, length * sizeof *steps);
    memcpy(steps + length, last, sizeof last);
    CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void refuse(long number, int error)
{
    const struct sock_filter condition[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
    };

    refuse_if(condition, sizeof condition / sizeof *condition, error);
}

/* As refuse, also where the C library calls all of sockets by one system call. */
static void refuse_of_socket(long number, unsigned int operation, int error)
{
#ifdef SYS_socketcall
    const union {
        uint64_t argument;
        uint32_t halves[2];
    } one = { 1 };
    const uint32_t low = one.halves[0] == 1 ? 0 : 4;
    const struct sock_filter condition[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketcall, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + low),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, operation, 0, 1),
    };

    refuse_if(condition, sizeof condition / sizeof *condition, error);
#endif
    (void)operation;
    refuse(number, error);
}

static void refused_open(void)
{
    const char *call;
    struct cnproc *cp;

    refuse_of_socket(SYS_bind, SYS_BIND, ENOTTY);
    CHECK_EQUAL(open_and_name(&cp, &call), -ENOTTY);
    CHECK(strcmp(call, "bind(CN_IDX_PROC)") == 0);
    refuse_of_socket(SYS_socket, SYS_SOCKET, EACCES);
    CHECK_EQUAL(open_and_name(&cp, &call), -CNPROC_ESANDBOX);
    CHECK(call == NULL);
    CHECK_EQUAL(cnproc_open(&cp, NULL, 0), -CNPROC_ESANDBOX);
}

/* Where a long has 32 bits the C library uses a later one, whose times have 64. */
static void refuse_recvmmsg(int error)
{
#ifdef SYS_recvmmsg_time64
    refuse(SYS_recvmmsg_time64, error);
#endif
    refuse_of_socket(SYS_recvmmsg, SYS_RECVMMSG, error);
}

static void refused_calls(void)
{
    struct cnproc_event event;
    const char *call;
    struct cnproc *cp;
    pid_t child;

    CHECK_EQUAL(open_and_name(&cp, &call), 0);
    CHECK(cnproc_last_call(cp) == NULL);
    refuse_of_socket(SYS_setsockopt, SYS_SETSOCKOPT, ENOMEM);
    CHECK_EQUAL(cnproc_set_events(cp, CNPROC_EVENT_EXEC), -ENOMEM);
    CHECK(strcmp(cnproc_last_call(cp), "setsockopt(SO_ATTACH_FILTER)") == 0);
    refuse_recvmmsg(ENOTTY);
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -ENOTTY);
    CHECK(strcmp(cnproc_last_call(cp), "recvmmsg") == 0);
    /* An argument that is not valid is no failure of a call. */
    CHECK_EQUAL(cnproc_recv(cp, &event, 0, 0), -EINVAL);
    CHECK(strcmp(cnproc_last_call(cp), "recvmmsg") == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -CNPROC_EFORKED);
        CHECK(cnproc_last_call(cp) == NULL);
        _exit(0);
    }
    check_child(child);
    cnproc_close(cp);
}

/* In a child, because the filter cannot be removed. */
static void in_child(void (*test)(void))
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        test();
        _exit(0);
    }
    check_child(child);
}

int main(void)
{
    const char *call;
    struct cnproc *cp;

    skip_unless_open(open_and_name(&cp, &call));
    cnproc_close(cp);
    too_many_descriptors();
    in_child(refused_open);
    in_child(refused_calls);
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Facts about a child: in buffers that are large enough and too small, and when it is gone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "listener.h"

/* Start times are given in ticks of 10 ms. */
#define TWO_TICKS_NS 20000000

static const char command[] = "sh\0-c\0read line\0arg with \xff";

/* A child that executes the command, which waits until its input ends. */
static pid_t start(int *input)
{
    int ends[2];
    pid_t pid;

    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[0], 0);
        execl("/bin/sh", "sh", "-c", "read line", "arg with \xff", (char *)NULL);
        _exit(127);
    }
    CHECK(pid > 0);
    close(ends[0]);
    *input = ends[1];
    return pid;
}

static void check_facts(const struct cnproc_process *p)
{
    struct cnproc_process_status status;
    char buf[4096], link[4096];
    ssize_t len;

    memset(buf, 'x', sizeof buf);
    CHECK_EQUAL(cnproc_process_cmdline(p, buf, sizeof buf), sizeof command);
    CHECK(memcmp(buf, command, sizeof command) == 0);
    CHECK(buf[sizeof command] == '\0' && buf[sizeof command + 1] == 'x');
    memset(buf, 'x', sizeof buf);
    CHECK_EQUAL(cnproc_process_cmdline(p, buf, 4), sizeof command);
    CHECK(memcmp(buf, "sh\0\0x", 5) == 0);
    CHECK_EQUAL(cnproc_process_cmdline(p, buf, 1), sizeof command);
    CHECK(buf[0] == '\0');
    CHECK_EQUAL(cnproc_process_cmdline(p, NULL, 0), sizeof command);
    CHECK_EQUAL(cnproc_process_cmdline(p, NULL, 1), -EINVAL);

    CHECK_EQUAL(cnproc_process_comm(p, buf, sizeof buf), 2);
    CHECK(strcmp(buf, "sh") == 0);
    CHECK(realpath("/bin/sh", link) != NULL);
    CHECK_EQUAL(cnproc_process_exe(p, buf, sizeof buf), strlen(link));
    CHECK(strcmp(buf, link) == 0);
    CHECK_EQUAL(cnproc_process_exe(p, buf, 5), strlen(link));
    CHECK(strlen(buf) == 4 && strncmp(buf, link, 4) == 0);
    CHECK(getcwd(link, sizeof link) != NULL);
    CHECK_EQUAL(cnproc_process_cwd(p, buf, sizeof buf), strlen(link));
    CHECK(strcmp(buf, link) == 0);
    len = cnproc_process_cgroup(p, buf, sizeof buf);
    CHECK(len >= 0 && (len == 0 || strchr(buf, ':') != NULL));

    memset(&status, 0xff, sizeof status);
    CHECK_EQUAL(cnproc_process_get_status(p, &status, sizeof status), 0);
    CHECK_EQUAL(status.ppid, getpid());
    CHECK_EQUAL(status.ruid, getuid());
    CHECK_EQUAL(status.euid, geteuid());
    CHECK_EQUAL(status.rgid, getgid());
    CHECK_EQUAL(status.egid, getegid());
    CHECK_EQUAL(status.sid, getsid(0));
    CHECK_EQUAL(status.threads, 1);
    CHECK(status.state == 'S' || status.state == 'R' || status.state == 'D');
    CHECK_EQUAL(cnproc_process_get_status(p, &status, sizeof status - 1), -EINVAL);
    CHECK_EQUAL(cnproc_process_get_status(p, NULL, sizeof status), -EINVAL);
}

static void check_proven(const struct cnproc_process *p, struct cnproc *cp)
{
    int identity = cnproc_process_identity(p);

    CHECK(identity == CNPROC_IDENTITY_PROVEN || identity == CNPROC_IDENTITY_LIKELY);
    if (identity == CNPROC_IDENTITY_LIKELY)
        uncertain(cp);
}

static void check_not_replaced(const struct cnproc_process *p, struct cnproc *cp)
{
    int replaced = cnproc_process_replaced(p, cp);

    CHECK(replaced == CNPROC_REPLACED_NO || replaced == CNPROC_REPLACED_UNKNOWN);
    if (replaced == CNPROC_REPLACED_UNKNOWN)
        uncertain(cp);
}

/* The facts that are not in /proc/PID/cmdline and stat. */
static void check_other_facts(const struct cnproc_process *p, pid_t pid)
{
    struct stat exe, shell;
    char buf[65536], comm[8];
    ssize_t len;
    int fd;

    len = cnproc_process_environ(p, buf, sizeof buf);
    CHECK(len >= 0 && len < (ssize_t)sizeof buf);
    CHECK(memmem(buf, (size_t)len, "CNPROC_TEST=environ", sizeof "CNPROC_TEST=environ") != NULL);
    CHECK_EQUAL(cnproc_process_nspid(p), pid);
    CHECK_EQUAL(cnproc_process_exe_is_deleted(p), 0);

    fd = cnproc_process_exe_fd(p);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    CHECK_EQUAL(fstat(fd, &exe), 0);
    CHECK_EQUAL(stat("/bin/sh", &shell), 0);
    CHECK(exe.st_ino == shell.st_ino && exe.st_dev == shell.st_dev);
    close(fd);

    fd = cnproc_process_dirfd(p);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    len = openat(fd, "comm", O_RDONLY | O_CLOEXEC);
    CHECK(len >= 0);
    CHECK_EQUAL(read((int)len, comm, sizeof comm), 3);
    CHECK(memcmp(comm, "sh\n", 3) == 0);
    close((int)len);
    close(fd);
}

/* The other ways to a process. */
static void check_other_opens(struct cnproc *cp, const struct cnproc_event *forked,
                              const struct cnproc_event *exec, pid_t pid)
{
    struct cnproc_process_status status;
    struct cnproc_process *p;
    char buf[64];

    CHECK_EQUAL(cnproc_process_open_cmdline(&p, cp, exec, buf, sizeof buf), sizeof command);
    CHECK(memcmp(buf, command, sizeof command) == 0);
    check_proven(p, cp);
    cnproc_process_close(p);

    CHECK_EQUAL(cnproc_process_open_pid(&p, cp, pid), 0);
    CHECK_EQUAL(cnproc_process_identity(p), CNPROC_IDENTITY_PROVEN);
    CHECK_EQUAL(cnproc_process_replaced(p, cp), CNPROC_REPLACED_UNKNOWN);
    check_facts(p);
    cnproc_process_close(p);

    CHECK_EQUAL(cnproc_process_open_parent(&p, cp, exec), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_parent(&p, cp, forked), 0);
    CHECK_EQUAL(cnproc_process_identity(p), CNPROC_IDENTITY_LIKELY);
    CHECK_EQUAL(cnproc_process_nspid(p), getpid());
    CHECK_EQUAL(cnproc_process_get_status(p, &status, sizeof status), 0);
    CHECK_EQUAL(status.ppid, getppid());
    cnproc_process_close(p);
}

static void check_child_of_ours(struct cnproc *cp)
{
    struct cnproc_process *p = NULL, *second = NULL;
    struct cnproc_process *none = (struct cnproc_process *)&errno;
    struct cnproc_process_status status;
    struct cnproc_event forked, exec, exited, lost;
    struct timespec before;
    char buf[64];
    int input, pidfd;
    pid_t pid;

    CHECK_EQUAL(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    pid = start(&input);
    forked = await_event(cp, CNPROC_EVENT_FORK, pid);
    exec = await_event(cp, CNPROC_EVENT_EXEC, pid);

    CHECK_EQUAL(cnproc_process_open(NULL, cp, &exec), -EINVAL);
    CHECK_EQUAL(cnproc_process_open(&none, NULL, &exec), -EINVAL);
    CHECK_EQUAL(cnproc_process_open(&none, cp, NULL), -EINVAL);
    memset(&lost, 0, sizeof lost);
    lost.what = CNPROC_EVENT_LOST;
    CHECK_EQUAL(cnproc_process_open(&none, cp, &lost), -EINVAL);
    lost.what = CNPROC_EVENT_NONE;
    CHECK_EQUAL(cnproc_process_open(&none, cp, &lost), -EINVAL);
    CHECK(none == (struct cnproc_process *)&errno);

    CHECK_EQUAL(cnproc_process_open(&p, cp, &exec), 0);
    check_proven(p, cp);
    check_facts(p);
    check_other_facts(p, pid);
    check_not_replaced(p, cp);
    check_other_opens(cp, &forked, &exec, pid);
    CHECK_EQUAL(cnproc_process_get_status(p, &status, sizeof status), 0);
    CHECK(status.start_time_ns <= exec.timestamp_ns);
    CHECK(status.start_time_ns + TWO_TICKS_NS > (uint64_t)before.tv_sec * 1000000000 + (uint64_t)before.tv_nsec);

    /* Two handles of one process are independent. */
    CHECK_EQUAL(cnproc_process_open(&second, cp, &exec), 0);
    CHECK(second != p);
    cnproc_process_close(p);
    check_facts(second);
    CHECK_EQUAL(cnproc_process_open(&p, cp, &exec), 0);
    check_facts(p);

    pidfd = cnproc_process_pidfd(p);
    CHECK(pidfd >= 0 || pidfd == -ENOSYS);
    if (pidfd >= 0) {
        CHECK(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
        CHECK(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0);
        close(pidfd);
    }
    close(input);

    /* A zombie still exists. Once it has been reaped it does not. */
    exited = await_event(cp, CNPROC_EVENT_EXIT, pid);
    cnproc_process_close(second);
    CHECK_EQUAL(cnproc_process_open(&second, cp, &exited), 0);
    CHECK_EQUAL(cnproc_process_identity(second), CNPROC_IDENTITY_LIKELY);
    CHECK_EQUAL(cnproc_process_get_status(second, &status, sizeof status), 0);
    CHECK_EQUAL(status.state, 'Z');
    CHECK_EQUAL(cnproc_process_cmdline(second, buf, sizeof buf), 0);
    CHECK_EQUAL(cnproc_process_exe(second, buf, sizeof buf), 0);
    CHECK_EQUAL(cnproc_process_cwd(second, buf, sizeof buf), 0);
    CHECK(buf[0] == '\0');
    CHECK_EQUAL(cnproc_process_comm(second, buf, sizeof buf), 2);

    CHECK_EQUAL(waitpid(pid, NULL, 0), pid);
    CHECK_EQUAL(cnproc_process_comm(p, buf, sizeof buf), -ESRCH);
    CHECK_EQUAL(cnproc_process_exe(p, buf, sizeof buf), -ESRCH);
    CHECK_EQUAL(cnproc_process_cgroup(p, buf, sizeof buf), -ESRCH);
    CHECK_EQUAL(cnproc_process_get_status(p, &status, sizeof status), -ESRCH);
    CHECK(cnproc_process_pidfd(p) == -ESRCH || pidfd == -ENOSYS);
    CHECK_EQUAL(cnproc_process_open(&none, cp, &exec), -ESRCH);
    CHECK(none == (struct cnproc_process *)&errno);

    /* In either order. */
    cnproc_process_close(second);
    cnproc_close(cp);
    errno = E2BIG;
    CHECK_EQUAL(cnproc_process_comm(p, buf, sizeof buf), -ESRCH);
    errno = E2BIG;
    cnproc_process_close(p);
    cnproc_process_close(NULL);
    CHECK_EQUAL(errno, E2BIG);
}

/* The shell, as a file of its own. */
static void copy_shell(const char *to)
{
    int from = open("/bin/sh", O_RDONLY | O_CLOEXEC), copy = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    char buf[65536];
    ssize_t count;

    CHECK(from >= 0 && copy >= 0);
    while ((count = read(from, buf, sizeof buf)) > 0)
        CHECK_EQUAL(write(copy, buf, (size_t)count), count);
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(close(from), 0);
    CHECK_EQUAL(close(copy), 0);
}

static void check_deleted_program(struct cnproc *cp)
{
    char directory[] = "/tmp/cnproc-XXXXXX", path[64], exe[128];
    struct cnproc_process *p;
    int ends[2], fd;
    pid_t pid;

    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/x (deleted)", directory);
    copy_shell(path);
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(ends[0], 0);
        execl(path, "sh", "-c", "read line", (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    await_event(cp, CNPROC_EVENT_EXEC, pid);
    CHECK_EQUAL(cnproc_process_open_pid(&p, cp, pid), 0);
    CHECK_EQUAL(cnproc_process_exe_is_deleted(p), 0);
    CHECK_EQUAL(unlink(path), 0);
    CHECK_EQUAL(cnproc_process_exe_is_deleted(p), 1);
    CHECK_EQUAL(cnproc_process_exe(p, exe, sizeof exe), strlen(path) + strlen(" (deleted)"));
    fd = cnproc_process_exe_fd(p);
    CHECK(fd >= 0);
    CHECK(read(fd, exe, 4) == 4 && memcmp(exe, "\177ELF", 4) == 0);
    close(fd);
    cnproc_process_close(p);
    close(ends[1]);
    CHECK_EQUAL(waitpid(pid, NULL, 0), pid);
    CHECK_EQUAL(rmdir(directory), 0);
}

int main(void)
{
    struct cnproc *cp;

    CHECK_EQUAL(setenv("CNPROC_TEST", "environ", 1), 0);
    check_child_of_ours(open_listener(NULL));
    cp = open_listener(NULL);
    check_deleted_program(cp);
    cnproc_close(cp);
    return 0;
}

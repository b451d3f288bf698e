/*
 * The guest's first process. It mounts what the tests need, runs the programs of /tests/root as root and those of
 * /tests/both as root and as an ordinary user, counts their verdicts, prints the line from which the host takes its
 * own, and turns the machine off.
 *
 * A program's verdict is its exit status: 0 is a pass, 77 a skip, everything else a failure. A program of several tests
 * prints a line for each, "ok NAME" or "not ok NAME: why", or as Rust's test programs do; then those are counted.
 *
 * It does nothing unless it is process 1, so it is harmless on a host.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The time is a hang detector. */
enum { NOBODY = 65534, SECONDS_PER_PROGRAM = 1200 };

static unsigned passed, failed, skipped;

static void mount_or_report(const char *type, const char *where)
{
    mkdir(where, 0755);
    if (mount(type, where, type, 0, NULL) != 0)
        printf("init: mount %s: %s\n", where, strerror(errno));
}

static bool ends_with(const char *line, const char *end)
{
    size_t length = strlen(line), ends = strlen(end);
    return length >= ends && strcmp(line + length - ends, end) == 0;
}

/* Prints a program's line, with the user that ran it, and counts the line if it is a verdict. */
static unsigned take_line(const char *who, const char *line)
{
    bool of_rust = strncmp(line, "test ", 5) == 0;
    printf("[%s] %s\n", who, line);
    if (strncmp(line, "ok ", 3) == 0 || (of_rust && ends_with(line, " ... ok")))
        return passed++, 1;
    if (strncmp(line, "not ok ", 7) == 0 || (of_rust && ends_with(line, " ... FAILED")))
        return failed++, 1;
    return 0;
}

/* Reads the program's output to its end. Returns how many verdicts it printed. */
static unsigned relay(const char *who, int from, pid_t program)
{
    static char line[4096];
    unsigned verdicts = 0;
    size_t used = 0;
    time_t end = time(NULL) + SECONDS_PER_PROGRAM;
    struct pollfd waiting = {.fd = from, .events = POLLIN};

    for (;;) {
        char byte;
        if (poll(&waiting, 1, 1000) == 0) {
            if (time(NULL) < end)
                continue;
            printf("[%s] killed, because it hung for %d seconds\n", who, SECONDS_PER_PROGRAM);
            kill(-program, SIGKILL);
            return verdicts;
        }
        if (read(from, &byte, 1) != 1)
            break;
        if (byte != '\n' && used < sizeof line - 1) {
            line[used++] = byte;
            continue;
        }
        line[used] = '\0';
        used = 0;
        verdicts += take_line(who, line);
    }
    return verdicts;
}

static void run(const char *folder, const char *name, uid_t user)
{
    const char *who = user == 0 ? "root" : "user";
    unsigned failed_before = failed;
    char path[300];
    int out[2], status;
    pid_t program;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fflush(stdout);
    if (pipe2(out, O_CLOEXEC) != 0 || (program = fork()) < 0) {
        printf("[%s] not ok %s: %s\n", who, name, strerror(errno));
        failed++;
        return;
    }
    if (program == 0) {
        setpgid(0, 0);
        dup2(out[1], 1);
        dup2(out[1], 2);
        if (user != 0 && (setgroups(0, NULL) != 0 || setgid(user) != 0 || setuid(user) != 0))
            _exit(126);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    unsigned verdicts = relay(who, out[0], program);
    close(out[0]);
    waitpid(program, &status, 0);

    int exited = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (exited == 77 && verdicts == 0) {
        printf("[%s] skip %s\n", who, name);
        skipped++;
    } else if (exited == 0 && verdicts == 0) {
        printf("[%s] ok %s\n", who, name);
        passed++;
    } else if (exited != 0 && failed == failed_before) {
        /* It failed, and printed no line about that. */
        printf("[%s] not ok %s: %s %d\n", who, name, exited < 0 ? "signal" : "exit status",
               exited < 0 ? WTERMSIG(status) : exited);
        failed++;
    }
}

static void run_all(const char *folder, uid_t user)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++)
        if (names[i]->d_name[0] != '.')
            run(folder, names[i]->d_name, user);
}

int main(void)
{
    struct utsname system;

    if (getpid() != 1) {
        fputs("init: not process 1: this program is for the virtual machine of the kernel tests\n", stderr);
        return 1;
    }
    /* Process 1 waits for those whose parents have ended: otherwise thousands of zombies fill the machine. */
    if (fork() != 0) {
        while (wait(NULL) > 0)
            ;
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    mount_or_report("proc", "/proc");
    mount_or_report("sysfs", "/sys");
    mount_or_report("devtmpfs", "/dev");
    mount_or_report("tmpfs", "/tmp");
    chmod("/tmp", 01777);
    uname(&system);
    printf("\nguest: kernel %s %s\n", system.release, system.machine);
    /* Here nothing that a test requires may be missing. */
    setenv("CNPROC_REQUIRE_LIVE", "1", 1);
    /* One test at a time, because two emulated processors are slow. */
    setenv("RUST_TEST_THREADS", "1", 1);
    setenv("CNPROC_SLOW_MACHINE", "1", 1);
    run_all("/tests/both", 0);
    run_all("/tests/both", NOBODY);
    /* Last, because a test that is killed with its listener open leaves the kernel's count raised. */
    run_all("/tests/root", 0);
    printf("guest: done %u passed, %u failed, %u skipped\n", passed, failed, skipped);
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}

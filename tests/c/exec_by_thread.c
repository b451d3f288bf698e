/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process whose threads call execve, one after another, exists all the time and keeps its pid. It is always found,
 * although for a moment its new leader carries the kernel's mark of a thread.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "listener.h"

#define AGAIN "again"
/* In one of some hundreds it is found in that moment. */
#define ROUNDS 10000
#define ROUNDS_EACH 40
/* How many events are read, at most, to find the latest EXEC. */
#define READ_AHEAD 1000

/* This program's file, by name: under valgrind /proc/self/exe is valgrind. */
static char *program;
/* The pid of the process that looks. */
static char parent[16];

static void exec_again(void)
{
    char *arguments[] = { program, (char *)AGAIN, parent, NULL };

    execv(program, arguments);
    perror(program);
    _exit(1);
}

static void *body(void *unused)
{
    exec_again();
    return unused;
}

/* That a process ends with its parent is kept for a thread, and the leader's is lost. */
static void end_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != atoi(parent))
        _exit(1);
}

static int again(void)
{
    pthread_t thread;

    end_with_parent();
    CHECK_EQUAL(pthread_create(&thread, NULL, body, NULL), 0);
    for (;;)
        pause();
}

/* The latest EXEC of the child, so that few events follow it: waits for one, and reads what is queued behind it. */
static struct cnproc_event latest_exec(struct cnproc *cp, pid_t child)
{
    struct cnproc_event event, latest = await_event(cp, CNPROC_EVENT_EXEC, child);
    int read = 0;

    while (read++ < READ_AHEAD && cnproc_recv(cp, &event, 1, 0) == 1)
        if (event.what == CNPROC_EVENT_EXEC && cnproc_event_tgid(&event) == child)
            latest = event;
    return latest;
}

int main(int argc, char **argv)
{
    struct cnproc_options options = { .events = CNPROC_EVENT_FORK | CNPROC_EVENT_EXEC };
    struct timespec ticks = { .tv_nsec = 50000000 };
    struct cnproc_process *process;
    struct cnproc_event exec;
    struct cnproc *cp;
    int rounds, i;
    pid_t child;

    program = argv[0];
    if (argc == 3 && strcmp(argv[1], AGAIN) == 0) {
        snprintf(parent, sizeof parent, "%s", argv[2]);
        return again();
    }
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    cp = open_listener(&options);
    child = fork();
    if (child == 0)
        exec_again();
    CHECK(child > 0);
    /* When the process is some ticks old, its start proves whose events they are, whatever its threads do. */
    nanosleep(&ticks, NULL);
    while (cnproc_recv(cp, &exec, 1, 0) == 1)
        ;
    for (rounds = 0; rounds < ROUNDS; rounds += ROUNDS_EACH) {
        exec = latest_exec(cp, child);
        for (i = 0; i < ROUNDS_EACH; i++) {
            CHECK_EQUAL(cnproc_process_open(&process, cp, &exec), 0);
            CHECK_EQUAL(cnproc_process_identity(process), CNPROC_IDENTITY_PROVEN);
            cnproc_process_close(process);
        }
    }
    cnproc_close(cp);
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    CHECK_EQUAL(waitpid(child, NULL, 0), child);
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process whose threads call execve, one after another, exists all the time and keeps its pid. It is always
 * found, although for a moment its new leader carries the kernel's mark of a thread.
 */
#include <cnproc.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define AGAIN "again"
/* In one of some hundreds it is found in that moment. */
#define ROUNDS 10000
#define ROUNDS_EACH 40

/* This program's file, by name: under valgrind /proc/self/exe is valgrind. */
static char program[4096];

static void become_another(void)
{
    char *arguments[] = { program, (char *)AGAIN, NULL };

    execv(program, arguments);
    _exit(1);
}

static void *body(void *unused)
{
    become_another();
    return unused;
}

static int again(void)
{
    pthread_t thread;

    CHECK_EQUAL(pthread_create(&thread, NULL, body, NULL), 0);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    struct cnproc_options options = { .events = CNPROC_EVENT_FORK | CNPROC_EVENT_EXEC };
    struct timespec moment = { .tv_nsec = 50000000 };
    struct cnproc_process *process;
    struct cnproc_event event, latest = { 0 };
    struct cnproc *cp;
    int rounds = 0, found, ret;
    pid_t child;

    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    if (argc == 2 && strcmp(argv[1], AGAIN) == 0)
        return again();
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        become_another();
    }
    CHECK(child > 0);
    /* Some ticks old: its start proves it, whatever becomes of its threads. */
    nanosleep(&moment, NULL);
    ret = cnproc_open(&cp, &options, sizeof options);
    if (ret < 0) {
        fprintf(stderr, "%s\n", cnproc_strerror(ret));
        kill(child, SIGKILL);
        return SKIP;
    }
    while (rounds < ROUNDS) {
        /* The latest, so that little is to be read ahead. */
        for (found = 0; (ret = cnproc_recv(cp, &event, 1, found ? 0 : 10000)) == 1;) {
            if (event.what == CNPROC_EVENT_EXEC && event.event_data.exec.process_tgid == child) {
                latest = event;
                found = 1;
            }
        }
        CHECK_EQUAL(ret, 0);
        CHECK(found);
        for (int i = 0; i < ROUNDS_EACH; i++, rounds++) {
            CHECK_EQUAL(cnproc_process_open(&process, cp, &latest), 0);
            CHECK_EQUAL(cnproc_process_identity(process), CNPROC_IDENTITY_PROVEN);
            cnproc_process_close(process);
        }
    }
    cnproc_close(cp);
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    CHECK_EQUAL(waitpid(child, &ret, 0), child);
    return 0;
}

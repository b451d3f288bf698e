/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process that is stopped and continued goes on waiting: only a signal handler ends a wait with -EINTR. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "listener.h"

enum { ROUNDS = 50 };

static volatile sig_atomic_t handled;

static void handle(int signal)
{
    (void)signal;
    handled = 1;
}

/* The state of a process, as in /proc/PID/stat. */
static char state_of(pid_t pid)
{
    char path[32], text[512], *end;
    ssize_t length;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    length = read(fd, text, sizeof text - 1);
    CHECK(length > 0);
    close(fd);
    text[length] = '\0';
    end = strrchr(text, ')');
    CHECK(end != NULL && end[1] == ' ');
    return end[2];
}

static void await_state(pid_t pid, char state)
{
    while (state_of(pid) != state)
        usleep(100);
}

/* Stops and continues the process each time that it waits, and then lets its handler run until it is killed. */
static void control(pid_t pid)
{
    int round;

    for (round = 0; round < ROUNDS; round++) {
        await_state(pid, 'S');
        CHECK_EQUAL(kill(pid, SIGSTOP), 0);
        await_state(pid, 'T');
        CHECK_EQUAL(kill(pid, SIGCONT), 0);
    }
    for (;;) {
        await_state(pid, 'S');
        CHECK_EQUAL(kill(pid, SIGUSR1), 0);
    }
}

static void wait_with(uint32_t coalesce_us)
{
    struct cnproc_options options;
    struct cnproc_event event;
    struct cnproc *cp;
    int status, ret;
    pid_t waiting = getpid(), controller;

    memset(&options, 0, sizeof options);
    options.events = CNPROC_EVENT_SID;
    options.coalesce_us = coalesce_us;
    cp = open_listener(&options);
    handled = 0;
    controller = fork();
    CHECK(controller >= 0);
    if (controller == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        control(waiting);
    }
    do
        ret = cnproc_recv(cp, &event, 1, -1);
    while (ret == 1);
    CHECK_EQUAL(ret, -EINTR);
    CHECK_EQUAL(handled, 1);
    CHECK_EQUAL(kill(controller, SIGKILL), 0);
    CHECK_EQUAL(waitpid(controller, &status, 0), controller);
    CHECK(WIFSIGNALED(status));
    cnproc_close(cp);
}

int main(void)
{
    struct sigaction action;

    cnproc_close(open_listener(NULL));
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
    wait_with(0);
    wait_with(1000);
    return 0;
}

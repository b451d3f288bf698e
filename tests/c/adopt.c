/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A forked child takes the listener over. From then on the parent's copy can only be closed. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "listener.h"

static void await_byte(int fd)
{
    char byte;

    CHECK_EQUAL(read(fd, &byte, 1), 1);
}

static void send_byte(int fd)
{
    CHECK_EQUAL(write(fd, "", 1), 1);
}

/* Starts a process that exits at once, and receives its EXIT. */
static void receive_an_exit(struct cnproc *cp)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    check_child(child);
    await_event(cp, CNPROC_EVENT_EXIT, child);
}

/* Nothing would be received any more: the owner's IGNORE has been sent. */
static void adopt_too_late(void)
{
    struct cnproc *cp = open_listener(NULL);
    struct cnproc_event event;
    int closed[2];
    pid_t child;

    CHECK_EQUAL(pipe(closed), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        await_byte(closed[0]);
        CHECK_EQUAL(cnproc_adopt(cp), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -CNPROC_EFORKED);
        cnproc_close(cp);
        _exit(0);
    }
    cnproc_close(cp);
    send_byte(closed[1]);
    check_child(child);
}

int main(void)
{
    struct cnproc *cp = open_listener(NULL);
    struct cnproc_event event;
    struct cnproc_stats stats;
    int to_child[2], to_parent[2];
    pid_t child;
    char byte;

    CHECK_EQUAL(pipe(to_child), 0);
    CHECK_EQUAL(pipe(to_parent), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* Not to outlive a check that fails. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(to_parent[0]);
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_adopt(cp), 0);
        CHECK(cnproc_fd(cp) >= 0);
        receive_an_exit(cp);
        send_byte(to_parent[1]);
        /* The parent has closed its copy, which sends no IGNORE. */
        await_byte(to_child[0]);
        receive_an_exit(cp);
        CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
        CHECK(stats.delivered > 0);
        cnproc_close(cp);
        _exit(0);
    }
    close(to_parent[1]);
    /* Nothing comes from a child that has failed. */
    if (read(to_parent[0], &byte, 1) != 1)
        check_child(child);
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -CNPROC_EFORKED);
    CHECK_EQUAL(cnproc_fd(cp), -CNPROC_EFORKED);
    CHECK_EQUAL(cnproc_set_events(cp, 0), -CNPROC_EFORKED);
    CHECK_EQUAL(cnproc_resume(cp), -CNPROC_EFORKED);
    cnproc_close(cp);
    send_byte(to_child[1]);
    check_child(child);
    adopt_too_late();
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A forked child takes the listener over: then it is the parent's copy that can only be closed. */
#include <cnproc.h>

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void await_byte(int fd)
{
    char byte;

    CHECK_EQUAL(read(fd, &byte, 1), 1);
}

static void send_byte(int fd)
{
    CHECK_EQUAL(write(fd, "", 1), 1);
}

/* Starts a process that exits at once, and waits for its exit event. */
static void receive_an_exit(struct cnproc *cp)
{
    struct cnproc_event event;
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    do
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, -1), 1);
    while (event.what != CNPROC_EVENT_EXIT || cnproc_event_pid(&event) != child);
}

int main(void)
{
    struct cnproc_event event;
    struct cnproc_stats stats;
    struct cnproc *cp = NULL;
    int to_child[2], to_parent[2], status, ret = cnproc_open(&cp, NULL, 0);
    pid_t child;

    if (ret < 0) {
        fprintf(stderr, "%s\n", cnproc_strerror(ret));
        return SKIP;
    }
    CHECK_EQUAL(pipe(to_child), 0);
    CHECK_EQUAL(pipe(to_parent), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_adopt(cp), 0);
        CHECK(cnproc_fd(cp) >= 0);
        receive_an_exit(cp);
        send_byte(to_parent[1]);
        /* The parent has closed its copy: that has sent no IGNORE. */
        await_byte(to_child[0]);
        receive_an_exit(cp);
        CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
        CHECK(stats.delivered > 0);
        cnproc_close(cp);
        _exit(0);
    }
    await_byte(to_parent[0]);
    CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -CNPROC_EFORKED);
    CHECK_EQUAL(cnproc_fd(cp), -CNPROC_EFORKED);
    CHECK_EQUAL(cnproc_set_events(cp, 0), -CNPROC_EFORKED);
    CHECK_EQUAL(cnproc_resume(cp), -CNPROC_EFORKED);
    cnproc_close(cp);
    send_byte(to_child[1]);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
    return 0;
}

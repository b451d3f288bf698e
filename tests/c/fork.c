/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* After fork the child's copy can only be closed, which leaves the parent's alone. */
#include <cnproc.h>

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* Waits for the event that tells of that process's end. */
static void hear_the_end_of(struct cnproc *cp, pid_t pid)
{
    struct cnproc_event event;

    do {
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, 20000), 1);
        CHECK(event.what != CNPROC_EVENT_LOST);
    } while (event.what != CNPROC_EVENT_EXIT || event.event_data.exit.process_pid != pid);
}

int main(void)
{
    struct cnproc *cp = NULL;
    struct cnproc_event event;
    struct cnproc_stats stats;
    int status, error = cnproc_open(&cp, NULL, 0);
    pid_t child;

    if (error != 0) {
        fprintf(stderr, "%s\n", cnproc_strerror(error));
        return SKIP;
    }
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, 0), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_recv(cp, &event, 1, -1), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_fd(cp), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_set_events(cp, CNPROC_EVENT_EXEC), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), -CNPROC_EFORKED);
        errno = 1234;
        cnproc_close(cp);
        CHECK_EQUAL(errno, 1234);
        _exit(0);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
    hear_the_end_of(cp, child);

    /* An IGNORE of the child's would have silenced this. */
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    hear_the_end_of(cp, child);
    cnproc_close(cp);
    return 0;
}

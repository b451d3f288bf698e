/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* After fork the child's copy can only be closed, which leaves the parent's as it is. */
#include <errno.h>
#include <unistd.h>

#include "listener.h"

int main(void)
{
    struct cnproc *cp = open_listener(NULL);
    struct cnproc_event event;
    struct cnproc_stats stats;
    pid_t child = fork();

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
    check_child(child);
    await_event(cp, CNPROC_EVENT_EXIT, child);

    /* An IGNORE from the child would have silenced this. */
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    check_child(child);
    await_event(cp, CNPROC_EVENT_EXIT, child);
    cnproc_close(cp);
    return 0;
}

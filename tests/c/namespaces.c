/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In another namespace cnproc_open returns which, and cnproc_strerror what to do. */
#include <sched.h>
#include <unistd.h>

#include "listener.h"

enum { NO_SUCH_NAMESPACE = 255 };

/* What cnproc_open returns there, as a positive number: one of the library's. */
static int open_in(int namespace)
{
    struct cnproc *cp = NULL;
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        if (unshare(namespace) != 0)
            _exit(NO_SUCH_NAMESPACE);
        /* A new pid namespace begins with the children. */
        child = fork();
        if (child == 0)
            _exit(-cnproc_open(&cp, NULL, 0) - CNPROC_ENOCONNECTOR);
        if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
            _exit(254);
        _exit(WEXITSTATUS(status));
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    status = WEXITSTATUS(status);
    return status == NO_SUCH_NAMESPACE ? status : status + CNPROC_ENOCONNECTOR;
}

int main(void)
{
    static const struct {
        int namespace, error;
        const char *text;
    } expected[] = {
        { CLONE_NEWNET, CNPROC_ENETNS, "network namespace" },
        { CLONE_NEWUSER, CNPROC_EUSERNS, "user namespace" },
        { CLONE_NEWPID, CNPROC_EPIDNS, "pid namespace" },
    };
    size_t i;
    int error;

    skip_unless_root();
    cnproc_close(open_listener(NULL));
    for (i = 0; i < sizeof expected / sizeof *expected; i++) {
        error = open_in(expected[i].namespace);
        if (error == NO_SUCH_NAMESPACE) {
            fprintf(stderr, "no such namespaces in this kernel\n");
            return SKIP;
        }
        CHECK_EQUAL(error, expected[i].error);
        CHECK(strstr(cnproc_strerror(-error), expected[i].text) != NULL);
        CHECK(strstr(cnproc_strerror(-error), "run on the host") != NULL);
    }
    return 0;
}

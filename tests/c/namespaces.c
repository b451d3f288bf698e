/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In another namespace cnproc_open says which, and cnproc_strerror what to do. */
#include <cnproc.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

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
    return WEXITSTATUS(status) + CNPROC_ENOCONNECTOR;
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
    struct cnproc *cp = NULL;
    int error = cnproc_open(&cp, NULL, 0);
    size_t i;

    if (error != 0) {
        fprintf(stderr, "%s\n", cnproc_strerror(error));
        return SKIP;
    }
    cnproc_close(cp);
    for (i = 0; i < sizeof expected / sizeof *expected; i++) {
        error = open_in(expected[i].namespace);
        CHECK_EQUAL(error, expected[i].error);
        CHECK(strstr(cnproc_strerror(-error), expected[i].text) != NULL);
        CHECK(strstr(cnproc_strerror(-error), "run on the host") != NULL);
    }
    return 0;
}

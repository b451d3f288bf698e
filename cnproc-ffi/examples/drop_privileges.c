/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Opens a listener as root, changes to the user nobody, and prints the events of its child: an open listener
 * needs no privilege. (Since Linux 6.6, opening it needs none either.)
 *
 * Before Linux 6.6 the kernel refuses the IGNORE of cnproc_close if the process has dropped CAP_NET_ADMIN: it
 * then goes on generating events for nobody until it is rebooted. A daemon for such kernels keeps that one
 * capability.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cnproc.h>

#define NOBODY 65534

static int become_nobody(void)
{
    if (getuid() != 0)
        return 0;
    return setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY) ? -1 : 0;
}

/* Prints the events of a process, until it exits or events are lost. */
static int follow(struct cnproc *cp, int32_t tgid)
{
    struct cnproc_event event;
    char line[128];
    int ret;

    do {
        ret = cnproc_recv(cp, &event, 1, -1);
        if (ret == 1 && (event.what == CNPROC_EVENT_LOST || cnproc_event_tgid(&event) == tgid)) {
            if (cnproc_event_format(&event, line, sizeof line) > 0)
                puts(line);
            if (event.what != CNPROC_EVENT_EXEC)
                return 0;
        }
    } while (ret == 1 || ret == -EINTR);
    return ret;
}

int main(void)
{
    struct cnproc_options options = { .events = CNPROC_EVENT_EXEC | CNPROC_EVENT_EXIT };
    struct cnproc *cp;
    pid_t child;
    int ret = cnproc_open(&cp, &options, sizeof options);

    if (ret < 0) {
        fprintf(stderr, "drop_privileges: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    if (become_nobody() < 0) {
        fprintf(stderr, "drop_privileges: %s\n", strerror(errno));
        cnproc_close(cp);
        return EXIT_FAILURE;
    }
    printf("listening as uid %u\n", (unsigned)getuid());
    fflush(stdout);
    child = fork();
    if (child == 0) {
        execlp("true", "true", (char *)NULL);
        _exit(127);
    }
    ret = child < 0 ? -errno : follow(cp, child);
    waitpid(child, NULL, 0);
    cnproc_close(cp);
    if (ret < 0) {
        fprintf(stderr, "drop_privileges: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

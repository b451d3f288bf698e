/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Faults on purpose, which do no harm by themselves: a memory checker that does not tell of the one named
 * by the argument is not there.
 */
#include <cnproc.h>

#include <limits.h>
#include <string.h>

#include "test.h"

/* The library told that a buffer is longer than it is. */
static int library(size_t length)
{
    struct cnproc_event event;
    char *line = malloc(length);
    int ret;

    memset(&event, 0, sizeof event);
    ret = cnproc_event_format(&event, line, length + 8);
    free(line);
    return ret;
}

static int lose_a_listener(void)
{
    struct cnproc *volatile lost = NULL;
    struct cnproc *cp;
    int ret = cnproc_open(&cp, NULL, 0);

    if (ret < 0) {
        fprintf(stderr, "%s\n", cnproc_strerror(ret));
        return SKIP;
    }
    cp = lost;
    return cp != NULL;
}

int main(int argc, char **argv)
{
    const char *fault = argc == 2 ? argv[1] : "";
    char *volatile memory = malloc(24);
    volatile int number = INT_MAX;

    CHECK(memory != NULL);
    if (strcmp(fault, "overflow") == 0)
        number = memory[24 + argc - 2];
    if (strcmp(fault, "undefined") == 0)
        number = number + argc;
    if (strcmp(fault, "uninitialised") == 0 && memory[argc] == 1)
        puts("by chance");
    if (strcmp(fault, "library") == 0)
        number = library(8);
    if (strcmp(fault, "leak") == 0)
        memory = NULL;
    if (strcmp(fault, "listener") == 0)
        return lose_a_listener();
    free(memory);
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Faults on purpose, harmless by themselves: a memory checker that does not report the one that the argument names is
 * not in force.
 */
#include <limits.h>

#include "listener.h"

/* The library gets the wrong length of a buffer, which is shorter. */
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
    struct cnproc *cp = open_listener(NULL);

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

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process whose first thread ends before the others, and whose status is another's: 4. Its standard
 * input says when. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static pthread_t leader;

static void *outlive(void *unused)
{
    (void)unused;
    CHECK_EQUAL(pthread_join(leader, NULL), 0);
    exit(4);
}

int main(void)
{
    pthread_t thread;
    char byte;

    leader = pthread_self();
    CHECK_EQUAL(read(STDIN_FILENO, &byte, 1), 0);
    CHECK_EQUAL(pthread_create(&thread, NULL, outlive, NULL), 0);
    pthread_exit(NULL);
}

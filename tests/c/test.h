/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the C tests share: checks that print where they failed, exit statuses, and the limit of waits. */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <stdlib.h>

/* Exit statuses besides 0 and 1: skipped, as automake has it; and a run that other programs have spoilt, which shows
 * nothing and is repeated: EX_TEMPFAIL of sysexits.h. */
#define SKIP 77
#define DISTURBED 75

/* Detects a hang: no test waits longer for what must happen. Equal to HANG_LIMIT in tests/support/wait.rs. */
#define HANG_LIMIT_MS (600 * 1000)

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);     \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

#define CHECK_EQUAL(is, should)                                                           \
    do {                                                                                  \
        long long is_ = (long long)(is), should_ = (long long)(should);                   \
        if (is_ != should_) {                                                             \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #is,     \
                    is_, should_);                                                        \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the C tests share: checks that say where they failed, and the exit codes. */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <stdlib.h>

#define SKIP 77

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

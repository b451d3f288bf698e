/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cnproc_wake ends a wait: one that has begun or the next one, from a thread and from a signal handler. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "listener.h"

enum { ROUNDS = 2000, HANDLED = 200 };

static struct cnproc *cp;
static volatile sig_atomic_t handled;

/* Waits indefinitely, until something other than an event ends the wait. */
static int wait_for_wake(void)
{
    struct cnproc_event event;
    int ret;

    do
        ret = cnproc_recv(cp, &event, 1, -1);
    while (ret == 1);
    return ret;
}

static void before_the_wait(void)
{
    struct timespec begin, end;
    struct cnproc_event event;
    long long waited_ns;
    int ret;

    errno = E2BIG;
    cnproc_wake(cp);
    cnproc_wake(cp);
    CHECK_EQUAL(errno, E2BIG);
    CHECK_EQUAL(wait_for_wake(), 0);
    /* Both have ended the same wait. The next lasts. */
    do {
        CHECK_EQUAL(clock_gettime(CLOCK_MONOTONIC, &begin), 0);
        ret = cnproc_recv(cp, &event, 1, 50);
        CHECK_EQUAL(clock_gettime(CLOCK_MONOTONIC, &end), 0);
    } while (ret == 1);
    CHECK_EQUAL(ret, 0);
    waited_ns = (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
    CHECK(waited_ns >= 50000000);
}

static pthread_barrier_t both;

static void *wake_each_round(void *unused)
{
    int round;

    for (round = 0; round < ROUNDS; round++) {
        cnproc_wake(cp);
        pthread_barrier_wait(&both);
    }
    return unused;
}

/* Each wait ends, whether the wake comes before it or during it. */
static void by_another_thread(void)
{
    pthread_t thread;
    int round;

    CHECK_EQUAL(pthread_barrier_init(&both, NULL, 2), 0);
    CHECK_EQUAL(pthread_create(&thread, NULL, wake_each_round, NULL), 0);
    for (round = 0; round < ROUNDS; round++) {
        CHECK_EQUAL(wait_for_wake(), 0);
        pthread_barrier_wait(&both);
    }
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    pthread_barrier_destroy(&both);
}

static void wake(int signal)
{
    (void)signal;
    handled++;
    cnproc_wake(cp);
}

/* The loop of a program that exits on a signal: none of many signals comes at the wrong moment. */
static void by_a_handler(void)
{
    struct itimerval once = { { 0, 0 }, { 0, 100 } };
    struct sigaction action;
    int ret, last = 0;

    memset(&action, 0, sizeof action);
    action.sa_handler = wake;
    action.sa_flags = SA_RESTART;
    CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
    while (last < HANDLED) {
        CHECK_EQUAL(setitimer(ITIMER_REAL, &once, NULL), 0);
        while (handled == last) {
            ret = wait_for_wake();
            CHECK(ret == 0 || ret == -EINTR);
        }
        last = handled;
        once.it_value.tv_usec = last % 50 + 1;
    }
}

int main(void)
{
    struct cnproc_options options = { 0 };

    options.events = CNPROC_EVENT_SID;
    cp = open_listener(&options);
    before_the_wait();
    by_another_thread();
    by_a_handler();
    cnproc_close(cp);
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * No function is a cancellation point: with a cancellation pending each one returns, and leaves no descriptor
 * behind. The thread is cancelled after that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "listener.h"

static struct cnproc *cp, *other;
static struct cnproc_process *process;
static struct cnproc_event event;
static int returned;

static int descriptors(void)
{
    int fd, count = 0;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void do_open(void)
{
    CHECK_EQUAL(cnproc_open(&other, NULL, 0), 0);
}

static void do_open_coalescing(void)
{
    struct cnproc_options options;

    memset(&options, 0, sizeof options);
    options.coalesce_us = 1000;
    CHECK_EQUAL(cnproc_open(&other, &options, sizeof options), 0);
}

static void do_close(void)
{
    cnproc_close(other);
}

static void do_recv(void)
{
    struct cnproc_event received;

    CHECK(cnproc_recv(cp, &received, 1, 10) >= 0);
}

static void do_set_events(void)
{
    CHECK_EQUAL(cnproc_set_events(cp, CNPROC_EVENT_FORK | CNPROC_EVENT_EXEC), 0);
    CHECK_EQUAL(cnproc_set_events(cp, 0), 0);
}

static void do_resume(void)
{
    CHECK(cnproc_resume(cp) >= 0);
}

static void do_others(void)
{
    struct cnproc_stats stats;

    CHECK(cnproc_fd(cp) >= 0);
    CHECK_EQUAL(cnproc_get_stats(cp, &stats, sizeof stats), 0);
    CHECK_EQUAL(cnproc_adopt(cp), 0);
    CHECK(cnproc_last_call(cp) == NULL);
    cnproc_wake(cp);
}

static void do_process_open(void)
{
    CHECK_EQUAL(cnproc_process_open(&process, cp, &event), 0);
}

static void do_process_close(void)
{
    cnproc_process_close(process);
}

static void do_facts(void)
{
    struct cnproc_process_status status;
    char text[64];

    CHECK(cnproc_process_cmdline(process, text, sizeof text) >= 0);
    CHECK(cnproc_process_exe(process, text, sizeof text) >= 0);
    CHECK(cnproc_process_cwd(process, text, sizeof text) >= 0);
    CHECK(cnproc_process_comm(process, text, sizeof text) >= 0);
    CHECK(cnproc_process_cgroup(process, text, sizeof text) >= 0);
    CHECK(cnproc_process_environ(process, text, sizeof text) >= 0);
    CHECK(cnproc_process_exe_is_deleted(process) >= 0);
    CHECK(cnproc_process_nspid(process) > 0);
    CHECK_EQUAL(cnproc_process_get_status(process, &status, sizeof status), 0);
    CHECK(cnproc_process_identity(process) > 0);
    CHECK(cnproc_process_replaced(process, cp) >= 0);
}

static void do_pidfd(void)
{
    CHECK(cnproc_process_pidfd(process) >= 0);
}

static void do_exe_fd(void)
{
    CHECK(cnproc_process_exe_fd(process) >= 0);
}

static void do_dirfd(void)
{
    CHECK(cnproc_process_dirfd(process) >= 0);
}

static void do_open_others(void)
{
    struct cnproc_process *opened;
    char text[64];

    CHECK(cnproc_process_open_cmdline(&opened, cp, &event, text, sizeof text) >= 0);
    cnproc_process_close(opened);
    CHECK_EQUAL(cnproc_process_open_parent(&opened, cp, &event), 0);
    cnproc_process_close(opened);
    CHECK_EQUAL(cnproc_process_open_pid(&opened, cp, getpid()), 0);
    cnproc_process_close(opened);
}

/* Of this process alone. */
static void do_tracker(void)
{
    struct cnproc_tracker_options options;
    struct cnproc_tracker *t = NULL;
    struct cnproc_change found;
    struct cnproc_process *opened;
    struct cnproc_entry entry;

    memset(&options, 0, sizeof options);
    options.scope = CNPROC_SCOPE_CHOSEN;
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options), 0);
    CHECK_EQUAL(cnproc_tracker_add(t, getpid()), 0);
    do
        CHECK_EQUAL(cnproc_tracker_recv(t, &found, sizeof found, HANG_LIMIT_MS), 1);
    while (found.entry.pid != getpid());
    CHECK_EQUAL(cnproc_tracker_get(t, getpid(), &entry, sizeof entry), 0);
    CHECK_EQUAL(cnproc_tracker_process(&opened, t, entry.id), 0);
    cnproc_process_close(opened);
    CHECK(cnproc_tracker_resume(t) >= 0);
    CHECK_EQUAL(cnproc_tracker_resync(t), 0);
    cnproc_tracker_close(t);
}

/* Each, and by how many descriptors their number changes. */
static const struct {
    const char *name;
    void (*call)(void);
    int opened;
} calls[] = {
    { "recv", do_recv, 0 },
    { "set_events", do_set_events, 0 },
    { "resume", do_resume, 0 },
    { "others", do_others, 0 },
    { "process_open", do_process_open, 1 },
    { "facts", do_facts, 0 },
    { "exe_fd", do_exe_fd, 1 },
    { "dirfd", do_dirfd, 1 },
    { "open others", do_open_others, 0 },
    { "process_close", do_process_close, -1 },
    { "tracker", do_tracker, 0 },
};

/* With a cancellation pending. (No local variables: AddressSanitizer does not know that they are gone.) */
static void *cancelled(void *call)
{
    static int state;

    CHECK_EQUAL(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    CHECK_EQUAL(pthread_cancel(pthread_self()), 0);
    CHECK_EQUAL(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
    (*(void (*const *)(void))call)();
    returned = 1;
    pthread_testcancel();
    return NULL;
}

/* Makes the call in such a thread. Returns by how much the number of descriptors has changed. */
static int change(const char *name, void (*const *call)(void))
{
    int before = descriptors();
    pthread_t thread;
    void *result;

    returned = 0;
    CHECK_EQUAL(pthread_create(&thread, NULL, cancelled, (void *)(uintptr_t)call), 0);
    CHECK_EQUAL(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    if (!returned) {
        fprintf(stderr, "cancelled in %s\n", name);
        exit(1);
    }
    return descriptors() - before;
}

/* Whether there are pidfds: not before Linux 5.3, nor under an old valgrind. */
static int has_pidfds(void)
{
    int pidfd = cnproc_process_pidfd(process);

    CHECK(pidfd >= 0 || pidfd == -ENOSYS);
    if (pidfd >= 0)
        CHECK_EQUAL(close(pidfd), 0);
    return pidfd >= 0;
}

/* A thread that waits indefinitely is cancelled once cnproc_wake has ended the wait. */
static void *wait_indefinitely(void *unused)
{
    static struct cnproc_event received;

    while (cnproc_recv(cp, &received, 1, -1) != 0)
        ;
    returned = 1;
    pthread_testcancel();
    return unused;
}

static void wake(void)
{
    pthread_t thread;
    void *result;

    /* The call in do_others() ends this wait. */
    while (cnproc_recv(cp, &event, 1, -1) != 0)
        ;
    returned = 0;
    CHECK_EQUAL(pthread_create(&thread, NULL, wait_indefinitely, NULL), 0);
    CHECK_EQUAL(pthread_cancel(thread), 0);
    cnproc_wake(cp);
    CHECK_EQUAL(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
}

static pid_t start_child(void)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        /* It must not outlive a check that fails. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    event = await_event(cp, CNPROC_EVENT_FORK, child);
    return child;
}

int main(void)
{
    void (*const open[])(void) = { do_open, do_open_coalescing };
    void (*const close[])(void) = { do_close }, (*const pidfd[])(void) = { do_pidfd };
    pid_t child;
    size_t i;

    cp = open_listener(NULL);
    for (i = 0; i < 2; i++) {
        int opened = change("open", &open[i]);

        CHECK(opened > 0);
        CHECK_EQUAL(change("close", &close[0]), -opened);
    }
    child = start_child();
    for (i = 0; i < sizeof calls / sizeof *calls; i++) {
        CHECK_EQUAL(change(calls[i].name, &calls[i].call), calls[i].opened);
        if (calls[i].call == do_facts && has_pidfds())
            CHECK_EQUAL(change("pidfd", &pidfd[0]), 1);
    }
    wake();
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    CHECK_EQUAL(waitpid(child, NULL, 0), child);
    cnproc_close(cp);
    return 0;
}

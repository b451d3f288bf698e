/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A tracker: the life of a child, its entry and texts, the user word, the other functions on it, and what a forked child
 * may do. Others' losses and LISTENs only add changes, which are left out here. */
#include <errno.h>
#include <poll.h>

#include "listener.h"

static struct cnproc_tracker *open_tracker(uint32_t scope)
{
    struct cnproc_tracker_options options;
    struct cnproc_tracker *t = NULL;

    memset(&options, 0, sizeof options);
    options.scope = scope;
    options.flags = CNPROC_TRACK_CMDLINE | CNPROC_TRACK_EXE | CNPROC_TRACK_CGROUP;
    options.keep_ended = 16;
    skip_unless_open(cnproc_tracker_open(&t, &options, sizeof options));
    CHECK(t != NULL);
    return t;
}

/* The next change of that type of a process; 0: of any. */
static struct cnproc_change await(struct cnproc_tracker *t, uint32_t type, pid_t pid)
{
    struct cnproc_change change;

    do
        CHECK_EQUAL(cnproc_tracker_recv(t, &change, sizeof change, HANG_LIMIT_MS), 1);
    while (change.type != type || (pid != 0 && change.entry.pid != pid));
    return change;
}

/* Executes cat, which exits when its input ends. */
static pid_t start_cat(int *input)
{
    int ends[2];
    pid_t child;

    CHECK_EQUAL(pipe(ends), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[0], 0);
        close(ends[0]);
        close(ends[1]);
        execlp("cat", "cat", "-", (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    *input = ends[1];
    return child;
}

/* Whether a hierarchy of control groups is mounted. */
static int has_cgroups(void)
{
    FILE *file = fopen("/proc/self/cgroup", "r");
    int first;

    CHECK(file != NULL);
    first = getc(file);
    CHECK_EQUAL(fclose(file), 0);
    return first != EOF;
}

static void life(void)
{
    struct cnproc_tracker *t = open_tracker(CNPROC_SCOPE_DESCENDANTS);
    struct cnproc_process *process = NULL;
    struct cnproc_tracker_stats stats;
    struct cnproc_change change;
    struct cnproc_entry entry;
    uint64_t cursor = 0, id, self;
    int input, found = 0;
    char buf[64];
    pid_t child;

    CHECK_EQUAL(cnproc_tracker_add(t, getpid()), 0);
    self = await(t, CNPROC_CHANGE_FOUND, getpid()).entry.id;
    child = start_cat(&input);
    change = await(t, CNPROC_CHANGE_STARTED, child);
    id = change.entry.id;
    CHECK(id != 0 && id != self);
    CHECK_EQUAL(change.entry.creator_id, self);
    CHECK_EQUAL(change.event.what, CNPROC_EVENT_FORK);
    CHECK_EQUAL(cnproc_tracker_set_user(t, id, 42), 0);
    change = await(t, CNPROC_CHANGE_EXECUTED, child);
    CHECK_EQUAL(change.entry.user, 42);
    CHECK_EQUAL(change.event.what, CNPROC_EVENT_EXEC);
    CHECK(strcmp(change.entry.comm, "cat") == 0);
    CHECK(change.entry.known & CNPROC_KNOWN_CMDLINE && change.entry.known & CNPROC_KNOWN_COMM);

    CHECK_EQUAL(cnproc_tracker_cmdline(t, id, buf, sizeof buf), 6);
    CHECK(memcmp(buf, "cat\0-\0", 7) == 0);
    CHECK(cnproc_tracker_exe(t, id, buf, sizeof buf) > 0 && buf[0] == '/');
    CHECK((cnproc_tracker_cgroup(t, id, buf, sizeof buf) > 0) == has_cgroups());
    CHECK_EQUAL(cnproc_tracker_get(t, child, &entry, sizeof entry), 0);
    CHECK_EQUAL(entry.id, id);
    CHECK_EQUAL(entry.ppid, getpid());
    CHECK_EQUAL(entry.euid, geteuid());
    while (cnproc_tracker_next(t, &cursor, &entry, sizeof entry) == 1)
        found += entry.id == id || entry.id == self;
    CHECK_EQUAL(found, 2);
    CHECK_EQUAL(cnproc_tracker_process(&process, t, id), 0);
    CHECK_EQUAL(cnproc_process_identity(process), CNPROC_IDENTITY_PROVEN);
    cnproc_process_close(process);

    close(input);
    check_child(child);
    change = await(t, CNPROC_CHANGE_EXITED, child);
    CHECK_EQUAL(change.entry.id, id);
    CHECK_EQUAL(cnproc_tracker_get(t, child, &entry, sizeof entry), -ESRCH);
    CHECK_EQUAL(cnproc_tracker_get_id(t, id, &entry, sizeof entry), 0);
    CHECK(memcmp(&entry, &change.entry, sizeof entry) == 0);
    CHECK(!(entry.known & CNPROC_KNOWN_EXIT_CODE) || entry.exit_code == 0);
    CHECK_EQUAL(cnproc_tracker_process(&process, t, id), -ESRCH);
    CHECK_EQUAL(cnproc_tracker_get_stats(t, &stats, sizeof stats), 0);
    CHECK(stats.processes >= 1 && stats.memory_bytes > 0 && stats.listener.delivered > 0);
    CHECK((change.entry.known & CNPROC_KNOWN_EXIT_CODE) || stats.listener.lost + stats.listener.maybe_muted > 0);
    cnproc_tracker_close(t);
}

static void control(void)
{
    struct cnproc_tracker *t = open_tracker(CNPROC_SCOPE_ALL);
    struct cnproc_change change;
    struct pollfd readable;
    int ret;

    await(t, CNPROC_CHANGE_SYNCED, 0);
    CHECK_EQUAL(cnproc_tracker_resync(t), 0);
    await(t, CNPROC_CHANGE_SYNCED, 0);
    ret = cnproc_tracker_resume(t);
    CHECK(ret >= CNPROC_RESUMED_ALREADY_ON && ret <= CNPROC_RESUMED_UNKNOWN);
    readable.fd = cnproc_tracker_fd(t);
    readable.events = POLLIN;
    CHECK(readable.fd >= 0 && poll(&readable, 1, 0) >= 0);
    cnproc_tracker_wake(t);
    while ((ret = cnproc_tracker_recv(t, &change, sizeof change, HANG_LIMIT_MS)) == 1)
        ;
    CHECK_EQUAL(ret, 0);
    CHECK(cnproc_tracker_last_call(t) == NULL);
    cnproc_tracker_close(t);
}

static void forked(void)
{
    struct cnproc_tracker *t = open_tracker(CNPROC_SCOPE_ALL);
    struct cnproc_change change;
    struct cnproc_entry entry;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQUAL(cnproc_tracker_recv(t, &change, sizeof change, 0), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_tracker_get(t, 1, &entry, sizeof entry), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_tracker_fd(t), -CNPROC_EFORKED);
        CHECK_EQUAL(cnproc_tracker_adopt(t), 0);
        await(t, CNPROC_CHANGE_SYNCED, 0);
        CHECK_EQUAL(cnproc_tracker_get(t, 1, &entry, sizeof entry), 0);
        cnproc_tracker_close(t);
        _exit(0);
    }
    check_child(child);
    CHECK_EQUAL(cnproc_tracker_fd(t), -CNPROC_EFORKED);
    cnproc_tracker_close(t);
}

/* A tracker has a ring where a listener has one. */
static void ring(void)
{
    struct cnproc_options options;
    struct cnproc_tracker_options tracker_options;
    struct cnproc_tracker_stats stats;
    struct cnproc_stats listener;
    struct cnproc_tracker *t = NULL;
    struct cnproc *cp;

    memset(&options, 0, sizeof options);
    options.flags = CNPROC_OPEN_RING;
    cp = open_listener(&options);
    memset(&tracker_options, 0, sizeof tracker_options);
    tracker_options.flags = CNPROC_TRACK_RING;
    skip_unless_open(cnproc_tracker_open(&t, &tracker_options, sizeof tracker_options));
    CHECK_EQUAL(cnproc_get_stats(cp, &listener, sizeof listener), 0);
    CHECK_EQUAL(cnproc_tracker_get_stats(t, &stats, sizeof stats), 0);
    CHECK_EQUAL(stats.listener.source, listener.source);
    await(t, CNPROC_CHANGE_SYNCED, 0);
    cnproc_tracker_close(t);
    cnproc_close(cp);
}

int main(void)
{
    life();
    control();
    forked();
    ring();
    return 0;
}

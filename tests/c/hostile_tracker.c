/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of a tracker: NULL, sizes that fit no version, unknown flags, ids and pids that nobody has, and buffers
 * that end where memory ends. */
#include <errno.h>
#include <limits.h>

#include "listener.h"
#include "page.h"

/* Nothing is opened for any of these. */
static void options(void)
{
    struct cnproc_tracker_options options;
    struct cnproc_tracker *t = NULL;

    memset(&options, 0, sizeof options);
    CHECK_EQUAL(cnproc_tracker_open(NULL, NULL, 0), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, 0), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options - 1), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, SIZE_MAX), -EINVAL);
    options.flags = 1 << 5;
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options), -EINVAL);
    options.flags = (uint64_t)1 << 32;
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options), -EINVAL);
    options.flags = 0;
    options.scope = 3;
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options), -EINVAL);
    options.scope = UINT32_MAX;
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options), -EINVAL);
    options.scope = 0;
    options.text_bytes = 65537;
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options), -EINVAL);
    options.text_bytes = 0;
    options.reserved = 1;
    CHECK_EQUAL(cnproc_tracker_open(&t, &options, sizeof options), -EINVAL);
    CHECK(t == NULL);
}

static void no_tracker(void)
{
    struct cnproc_process *process = NULL;
    struct cnproc_tracker_stats stats;
    struct cnproc_change change;
    struct cnproc_entry entry;
    uint64_t cursor = 0;
    char buf[8];

    cnproc_tracker_close(NULL);
    cnproc_tracker_wake(NULL);
    CHECK(cnproc_tracker_last_call(NULL) == NULL);
    CHECK_EQUAL(cnproc_tracker_fd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_add(NULL, 1), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_resync(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_resume(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_adopt(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_recv(NULL, &change, sizeof change, 0), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_get(NULL, 1, &entry, sizeof entry), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_get_id(NULL, 1, &entry, sizeof entry), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_next(NULL, &cursor, &entry, sizeof entry), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_cmdline(NULL, 1, buf, sizeof buf), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_exe(NULL, 1, buf, sizeof buf), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_cgroup(NULL, 1, buf, sizeof buf), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_set_user(NULL, 1, 2), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_process(&process, NULL, 1), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_get_stats(NULL, &stats, sizeof stats), -EINVAL);
}

/* A tracker of this process alone, with its command line. Returns its id. */
static uint64_t track_self(struct cnproc_tracker **t)
{
    struct cnproc_tracker_options options;
    struct cnproc_change change;

    memset(&options, 0, sizeof options);
    options.scope = CNPROC_SCOPE_CHOSEN;
    options.flags = CNPROC_TRACK_CMDLINE;
    skip_unless_open(cnproc_tracker_open(t, &options, sizeof options));
    CHECK_EQUAL(cnproc_tracker_add(*t, getpid()), 0);
    do
        CHECK_EQUAL(cnproc_tracker_recv(*t, &change, sizeof change, HANG_LIMIT_MS), 1);
    while (change.type != CNPROC_CHANGE_FOUND);
    CHECK_EQUAL(change.entry.pid, getpid());
    return change.entry.id;
}

static void arguments(struct cnproc_tracker *t, uint64_t id)
{
    static const int32_t nobody[] = {-1, 0, INT32_MIN, INT32_MAX, 1 << 22};
    static const uint64_t no_id[] = {0, UINT64_MAX, (uint64_t)1 << 63};
    struct cnproc_process *process = NULL;
    struct cnproc_tracker_stats stats;
    struct cnproc_change change;
    struct cnproc_entry entry;
    uint64_t cursor = UINT64_MAX;
    char buf[8];
    size_t i;

    for (i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        CHECK_EQUAL(cnproc_tracker_add(t, nobody[i]), -ESRCH);
        CHECK_EQUAL(cnproc_tracker_get(t, nobody[i], &entry, sizeof entry), -ESRCH);
    }
    for (i = 0; i < sizeof no_id / sizeof *no_id; i++) {
        CHECK_EQUAL(cnproc_tracker_get_id(t, no_id[i], &entry, sizeof entry), -ESRCH);
        CHECK_EQUAL(cnproc_tracker_cmdline(t, no_id[i], buf, sizeof buf), -ESRCH);
        CHECK_EQUAL(cnproc_tracker_set_user(t, no_id[i], 1), -ESRCH);
        CHECK_EQUAL(cnproc_tracker_process(&process, t, no_id[i]), -ESRCH);
    }
    CHECK(process == NULL);
    CHECK_EQUAL(cnproc_tracker_process(NULL, t, id), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_recv(t, NULL, sizeof change, 0), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_recv(t, &change, sizeof change - 1, 0), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_recv(t, &change, SIZE_MAX, 0), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_recv(t, &change, sizeof change, -2), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_get(t, getpid(), NULL, sizeof entry), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_get(t, getpid(), &entry, sizeof entry - 1), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_next(t, NULL, &entry, sizeof entry), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_next(t, &cursor, NULL, sizeof entry), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_next(t, &cursor, &entry, sizeof entry), 0);
    CHECK_EQUAL(cnproc_tracker_cmdline(t, id, NULL, 1), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_cmdline(t, id, buf, SIZE_MAX), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_exe(t, id, buf, sizeof buf), 0);
    CHECK_EQUAL(cnproc_tracker_cgroup(t, id, buf, sizeof buf), 0);
    CHECK_EQUAL(cnproc_tracker_get_stats(t, NULL, sizeof stats), -EINVAL);
    CHECK_EQUAL(cnproc_tracker_get_stats(t, &stats, sizeof stats - 1), -EINVAL);
}

/* Buffers at the end of memory, at each alignment. */
static void buffers(struct cnproc_tracker *t, uint64_t id)
{
    struct page out = new_page();
    struct cnproc_entry entry;
    size_t skew, size;
    ssize_t length = cnproc_tracker_cmdline(t, id, NULL, 0);

    CHECK(length > 0 && length <= 256);
    for (skew = 0; skew < SKEWS; skew++) {
        void *to = place(out, sizeof entry, skew);

        CHECK_EQUAL(cnproc_tracker_get_id(t, id, to, sizeof entry), 0);
        CHECK(is_untouched(out, to, sizeof entry));
        memcpy(&entry, to, sizeof entry);
        CHECK_EQUAL(entry.pid, getpid());
        for (size = 0; size <= (size_t)length + 1; size++) {
            char *buf = place(out, size, skew);

            CHECK_EQUAL(cnproc_tracker_cmdline(t, id, buf, size), length);
            CHECK(is_untouched(out, buf, size));
            CHECK(size == 0 || buf[size - 1] == '\0');
        }
    }
}

int main(void)
{
    struct cnproc_tracker *t = NULL;
    uint64_t id;

    options();
    no_tracker();
    id = track_self(&t);
    arguments(t, id);
    buffers(t, id);
    cnproc_tracker_close(t);
    return 0;
}

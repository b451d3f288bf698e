/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Structs with a size, of programs that are older or newer than the library: it reads and writes only the bytes that
 * it was given, as guard bytes on both sides show. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "listener.h"

/* The sizes of the first version, which remain valid. */
#define FIRST_OPTIONS 24
#define FIRST_STATS 112
#define FIRST_STATUS 40
#define GUARD 0xa5

static struct cnproc *cp;
static struct cnproc_process *process;

/* Memory that ends at a page without access. */
static unsigned char *before_the_wall(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *start =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(start != MAP_FAILED);
    CHECK_EQUAL(mprotect(start + page, page, PROT_NONE), 0);
    return start + page - size;
}

/* Opens with options of a size. The struct ends where memory ends. */
static int open_with(size_t size, uint32_t events, size_t set)
{
    unsigned char *bytes = before_the_wall(size);
    struct cnproc *opened = NULL;
    int ret;

    memset(bytes, 0, size);
    memcpy(bytes + offsetof(struct cnproc_options, events), &events, sizeof events);
    if (set != 0)
        bytes[set] = 1;
    ret = cnproc_open(&opened, (void *)bytes, size);
    CHECK((ret == 0) == (opened != NULL));
    if (ret == 0) {
        struct cnproc_stats stats;

        CHECK_EQUAL(cnproc_get_stats(opened, &stats, sizeof stats), 0);
        CHECK_EQUAL(stats.events, events);
        cnproc_close(opened);
    }
    munmap(bytes + size - (size_t)sysconf(_SC_PAGESIZE), 2 * (size_t)sysconf(_SC_PAGESIZE));
    return ret;
}

static void options(void)
{
    size_t now = sizeof(struct cnproc_options), size;

    for (size = FIRST_OPTIONS; size <= now + 32; size += 4)
        CHECK_EQUAL(open_with(size, CNPROC_EVENT_EXIT, 0), 0);
    CHECK_EQUAL(open_with(FIRST_OPTIONS - 1, CNPROC_EVENT_EXIT, 0), -EINVAL);
    for (size = now + 1; size <= now + 32; size++)
        CHECK_EQUAL(open_with(size, CNPROC_EVENT_EXIT, size - 1), -E2BIG);
}

/* A function that fills a struct of a size. */
typedef int fill(void *to, size_t size);

static int fill_stats(void *to, size_t size)
{
    return cnproc_get_stats(cp, to, size);
}

static int fill_status(void *to, size_t size)
{
    return cnproc_process_get_status(process, to, size);
}

/* Of a struct whose size was `first` in the first version, and is `now`. */
static void filled(fill *fill, size_t first, size_t now)
{
    unsigned char whole[256], bytes[512];
    size_t size, i;

    CHECK_EQUAL(fill(whole, now), 0);
    for (size = first; size <= 2 * now; size++) {
        memset(bytes, GUARD, sizeof bytes);
        CHECK_EQUAL(fill(bytes + 16, size), 0);
        CHECK(memcmp(bytes + 16, whole, size < now ? size : now) == 0);
        for (i = 0; i < sizeof bytes; i++)
            if (i < 16 || i >= 16 + size)
                CHECK_EQUAL(bytes[i], GUARD);
            else if (i >= 16 + now)
                CHECK_EQUAL(bytes[i], 0);
    }
    memset(bytes, GUARD, sizeof bytes);
    CHECK_EQUAL(fill(bytes + 16, first - 1), -EINVAL);
    for (i = 0; i < sizeof bytes; i++)
        CHECK_EQUAL(bytes[i], GUARD);
}

/* The process of a child, from its FORK. The child waits until it is killed. */
static pid_t open_child(void)
{
    struct cnproc_process_status status;
    struct cnproc_event event;
    pid_t child = fork();

    if (child == 0) {
        /* It must not outlive a check that fails. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    event = await_event(cp, CNPROC_EVENT_FORK, child);
    CHECK_EQUAL(cnproc_process_open(&process, cp, &event), 0);
    /* Until it waits, its state changes. */
    do
        CHECK_EQUAL(cnproc_process_get_status(process, &status, sizeof status), 0);
    while (status.state != 'S');
    return child;
}

int main(void)
{
    pid_t child;

    cp = open_listener(NULL);
    options();
    filled(fill_stats, FIRST_STATS, sizeof(struct cnproc_stats));
    child = open_child();
    filled(fill_status, FIRST_STATUS, sizeof(struct cnproc_process_status));
    cnproc_process_close(process);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cnproc_close(cp);
    return 0;
}

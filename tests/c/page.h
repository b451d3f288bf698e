/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Buffers that end where memory ends, and a check of what was written next to them. */
#ifndef PAGE_H
#define PAGE_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

#define SKEWS 8

/* A page after which there is no memory. */
struct page {
    unsigned char *begin, *end;
};

static struct page new_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    struct page page;

    page.begin = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page.begin != MAP_FAILED);
    page.end = page.begin + size;
    CHECK_EQUAL(mprotect(page.end, size, PROT_NONE), 0);
    return page;
}

/* `size` bytes that end `skew` bytes before the end of the page. */
static void *place(struct page page, size_t size, size_t skew)
{
    memset(page.begin, 0xa5, (size_t)(page.end - page.begin));
    return page.end - skew - size;
}

/* Whether everything before and after these bytes is as place() left it. */
static int is_untouched(struct page page, const void *begin, size_t size)
{
    const unsigned char *byte;

    for (byte = page.begin; byte < page.end; byte++) {
        if (byte == begin)
            byte += size;
        if (byte < page.end && *byte != 0xa5)
            return 0;
    }
    return 1;
}

#endif

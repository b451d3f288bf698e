/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reads datagrams from stdin, each a length of 4 bytes and its bytes, and answers each with what C sees
 * in it: a line for each message, and a line with a dot. Where cnproc_parse() sees anything else, a line
 * says so.
 */
#include <cnproc.h>

#include <errno.h>
#include <stdlib.h>

#include "reference.h"

/* An event of the kernel's, as the library should give it: its union as it is. */
static struct cnproc_event expected(const struct message *message)
{
    const struct proc_event *from = &message->event;
    struct cnproc_event to;

    memset(&to, 0, sizeof to);
    to.what = (uint32_t)from->what;
    to.cpu = from->cpu;
    to.timestamp_ns = from->timestamp_ns;
    to.seq = message->seq;
    to.ack = message->ack;
    to.size = message->len;
    memcpy(to.event_data.bytes, &from->event_data, sizeof to.event_data.bytes);
    return to;
}

/* One call of cnproc_parse, which must return `result`, write `event`, and move the offset to `end`. */
static void compare_one(const unsigned char *buf, size_t len, size_t *offset, int result,
                        struct cnproc_event should, size_t end)
{
    struct cnproc_event event;
    size_t start = *offset;
    int ret;

    memset(&event, 0xa5, sizeof event);
    if (result != 1)
        should = event;
    ret = cnproc_parse(buf, len, offset, &event);
    if (ret != result)
        printf("cnproc_parse at %zu returns %d, not %d\n", start, ret, result);
    if (*offset != end)
        printf("cnproc_parse at %zu reads to %zu, not to %zu\n", start, *offset, end);
    if (memcmp(&event, &should, sizeof event) != 0)
        printf("cnproc_parse at %zu writes another event\n", start);
    *offset = end;
}

/* Event by event, and past each message that is bad. */
static void compare(const unsigned char *buf, size_t len)
{
    struct cnproc_event none;
    struct message message;
    size_t at = 0, offset = 0;

    memset(&none, 0, sizeof none);
    while (next_message(buf, len, &at, &message)) {
        if (message.kind == BAD)
            compare_one(buf, len, &offset, -EBADMSG, none, at);
        if (message.kind == EVENT)
            compare_one(buf, len, &offset, 1, expected(&message), at);
    }
    compare_one(buf, len, &offset, 0, none, len);
}

int main(void)
{
    uint32_t len;

    while (fread(&len, sizeof len, 1, stdin) == 1) {
        /* Exactly as long, so that a memory checker sees a read past its end. */
        unsigned char *buf = malloc(len ? len : 1);

        if (!buf || fread(buf, 1, len, stdin) != len)
            return 1;
        describe(stdout, buf, len);
        compare(buf, len);
        puts(".");
        fflush(stdout);
        free(buf);
    }
    return 0;
}

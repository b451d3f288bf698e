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

/* Event by event, until the first message that is bad. */
static void compare(const unsigned char *buf, size_t len)
{
    struct cnproc_event event, should;
    struct message message;
    size_t at = 0, read = 0;
    ssize_t end = 0, ret;

    while (next_message(buf, len, &at, &message)) {
        if (message.kind == BAD) {
            end = -EBADMSG;
            break;
        }
        if (message.kind != EVENT)
            continue;
        should = expected(&message);
        memset(&event, 0xa5, sizeof event);
        ret = cnproc_parse(buf + read, len - read, &event);
        if (ret != (ssize_t)(at - read))
            printf("cnproc_parse at %zu returns %zd, not %zu\n", read, ret, at - read);
        if (memcmp(&event, &should, sizeof event) != 0)
            printf("cnproc_parse at %zu reads another event\n", read);
        read = at;
    }
    memset(&event, 0xa5, sizeof event);
    should = event;
    ret = cnproc_parse(buf + read, len - read, &event);
    if (ret != end)
        printf("cnproc_parse at %zu returns %zd, not %zd\n", read, ret, end);
    if (memcmp(&event, &should, sizeof event) != 0)
        printf("cnproc_parse at %zu writes an event, and returns none\n", read);
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

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * golden FILE...: cnproc_parse reads the datagrams of tests/golden as their files describe: those in this machine's byte
 * order that consist of events only.
 */
#include <cnproc.h>

#include <stdarg.h>
#include <string.h>

#include "test.h"

static char read_as[8192];

static void add(const char *format, ...)
{
    size_t length = strlen(read_as);
    va_list arguments;

    va_start(arguments, format);
    CHECK(vsnprintf(read_as + length, sizeof read_as - length, format, arguments) < (int)(sizeof read_as - length));
    va_end(arguments);
}

/* Two ids, which are the union's members number first and first + 1. */
static void add_ids(const struct cnproc_event *event, int first, const char *whose)
{
    int32_t ids[sizeof event->event_data / sizeof(int32_t)];

    memcpy(ids, &event->event_data, sizeof ids);
    add(" %s_pid=%d %s_tgid=%d", whose, (int)ids[first], whose, (int)ids[first + 1]);
}

static void add_bytes(const char *name, const void *bytes, size_t length)
{
    size_t i;

    add(" %s=", name);
    for (i = 0; i < length; i++)
        add("%02x", ((const unsigned char *)bytes)[i]);
}

/* The event in the form of the files. */
static void add_event(const struct cnproc_event *event)
{
    const union cnproc_event_data *data = &event->event_data;

    add("event what=0x%x cpu=%u timestamp_ns=%llu seq=%u ack=%u size=%u", (unsigned)event->what, (unsigned)event->cpu,
        (unsigned long long)event->timestamp_ns, (unsigned)event->seq, (unsigned)event->ack, (unsigned)event->size);
    switch (event->what) {
    case CNPROC_EVENT_NONE:
        add(" err=%u", (unsigned)data->ack.err);
        break;
    case CNPROC_EVENT_FORK:
        add_ids(event, 0, "parent");
        add_ids(event, 2, "child");
        break;
    case CNPROC_EVENT_EXEC:
    case CNPROC_EVENT_SID:
        add_ids(event, 0, "process");
        break;
    case CNPROC_EVENT_UID:
        add_ids(event, 0, "process");
        add(" ruid=%u euid=%u", (unsigned)data->id.r.ruid, (unsigned)data->id.e.euid);
        break;
    case CNPROC_EVENT_GID:
        add_ids(event, 0, "process");
        add(" rgid=%u egid=%u", (unsigned)data->id.r.rgid, (unsigned)data->id.e.egid);
        break;
    case CNPROC_EVENT_PTRACE:
        add_ids(event, 0, "process");
        add_ids(event, 2, "tracer");
        break;
    case CNPROC_EVENT_COMM:
        add_ids(event, 0, "process");
        add_bytes("comm", data->comm.comm, sizeof data->comm.comm);
        break;
    case CNPROC_EVENT_COREDUMP:
        add_ids(event, 0, "process");
        add_ids(event, 2, "parent");
        break;
    case CNPROC_EVENT_EXIT:
        add_ids(event, 0, "process");
        add(" exit_code=%u exit_signal=%u", (unsigned)data->exit.exit_code, (unsigned)data->exit.exit_signal);
        add_ids(event, 4, "parent");
        break;
    default:
        add_bytes("bytes", data->bytes, sizeof data->bytes);
    }
    add("\n");
}

/* Returns whether the file is of this byte order and of events only. */
static int check(const char *path)
{
    static const uint16_t one = 1;
    const char *order = *(const unsigned char *)&one ? "order little\n" : "order big\n";
    unsigned char datagram[4096];
    char line[1024], expected[8192] = "";
    size_t length = 0, offset = 0;
    struct cnproc_event event;
    int ret, applies = 0;
    FILE *file = fopen(path, "r");

    CHECK(file != NULL);
    while (fgets(line, sizeof line, file)) {
        if (strcmp(line, order) == 0) {
            applies = 1;
        } else if (strncmp(line, "bytes ", 6) == 0) {
            char *next = line + 5;

            while (*next == ' ') {
                CHECK(length < sizeof datagram);
                datagram[length++] = (unsigned char)strtoul(next, &next, 16);
            }
        } else if (strncmp(line, "event ", 6) == 0) {
            CHECK(strlen(expected) + strlen(line) < sizeof expected);
            strcat(expected, line);
        } else if (line[0] != '#' && strncmp(line, "order ", 6) != 0) {
            applies = -1;
            break;
        }
    }
    CHECK_EQUAL(fclose(file), 0);
    if (applies != 1)
        return 0;

    read_as[0] = '\0';
    while ((ret = cnproc_parse(datagram, length, &offset, &event)) == 1)
        add_event(&event);
    CHECK_EQUAL(ret, 0);
    if (strcmp(read_as, expected) != 0) {
        fprintf(stderr, "%s\nexpected: %sread as:  %s", path, expected, read_as);
        exit(1);
    }
    return 1;
}

int main(int argc, char **argv)
{
    int i, checked = 0;

    for (i = 1; i < argc; i++)
        checked += check(argv[i]);
    /* Each of the nine types, and the acknowledgement. */
    CHECK(checked >= 10);
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every function gets buffers that end where memory ends, at every alignment, and NULL: reading or writing one byte
 * beyond them is a SIGSEGV. The functions about processes are in hostile_process.c; a test checks that no function is
 * left out.
 */
#include <errno.h>
#include <limits.h>
#include <sys/prctl.h>

#include "listener.h"
#include "page.h"

/* A whole exit event, in this machine's byte order. */
static size_t datagram(unsigned char bytes[76])
{
    const uint32_t event[10] = {CNPROC_EVENT_EXIT, 3, 1, 2, 10, 11, 256, 17, 12, 13};
    const uint32_t length = 76, id[2] = {1, 1}, numbers[2] = {7, 8};
    const uint16_t type = 3, data = sizeof event;

    memset(bytes, 0, 76);
    memcpy(bytes, &length, 4);
    memcpy(bytes + 4, &type, 2);
    memcpy(bytes + 16, id, 8);
    memcpy(bytes + 24, numbers, 8);
    memcpy(bytes + 32, &data, 2);
    memcpy(bytes + 36, event, sizeof event);
    return length;
}

static void parse(void)
{
    struct page in = new_page(), out = new_page(), number = new_page();
    unsigned char whole[76];
    size_t length = datagram(whole), skew, size, offset, zero = 0;
    struct cnproc_event event;

    for (skew = 0; skew < SKEWS; skew++) {
        for (size = 0; size <= length; size++) {
            void *buf = memcpy(place(in, size, skew), whole, size);
            void *to = place(out, sizeof event, skew);
            void *at = memcpy(place(number, sizeof offset, skew), &zero, sizeof zero);
            int ret = cnproc_parse(buf, size, at, to);

            CHECK(is_untouched(number, at, sizeof offset));
            memcpy(&offset, at, sizeof offset);
            CHECK_EQUAL(offset, size);
            if (size == length) {
                CHECK_EQUAL(ret, 1);
                CHECK(is_untouched(out, to, sizeof event));
                memcpy(&event, to, sizeof event);
                CHECK_EQUAL(event.event_data.exit.parent_tgid, 13);
            } else {
                CHECK_EQUAL(ret, size ? -EBADMSG : 0);
                CHECK(is_untouched(out, NULL, 0));
            }
            CHECK_EQUAL(cnproc_parse(buf, size, at, to), 0);
            CHECK_EQUAL(cnproc_parse(NULL, size, at, to), -EINVAL);
            CHECK_EQUAL(cnproc_parse(buf, size, NULL, to), -EINVAL);
            CHECK_EQUAL(cnproc_parse(buf, size, at, NULL), -EINVAL);
            offset = size + 1;
            CHECK_EQUAL(cnproc_parse(buf, size, &offset, to), -EINVAL);
            CHECK_EQUAL(offset, size + 1);
        }
    }
    offset = 0;
    CHECK_EQUAL(cnproc_parse(whole, SIZE_MAX, &offset, &event), -EINVAL);
}

static const uint32_t types[] = {
    CNPROC_EVENT_NONE, CNPROC_EVENT_FORK, CNPROC_EVENT_EXEC, CNPROC_EVENT_UID, CNPROC_EVENT_GID,
    CNPROC_EVENT_SID, CNPROC_EVENT_PTRACE, CNPROC_EVENT_COMM, CNPROC_EVENT_COREDUMP,
    CNPROC_EVENT_EXIT, CNPROC_EVENT_LOST, 0x400,
};

static void format(void)
{
    struct page in = new_page(), out = new_page();
    struct cnproc_event event;
    size_t i, skew, size;

    for (i = 0; i < sizeof types / sizeof *types; i++) {
        /* The longest numbers, and a name without a NUL. */
        memset(&event, 0x80, sizeof event);
        event.what = types[i];
        for (skew = 0; skew < SKEWS; skew++) {
            void *from = memcpy(place(in, sizeof event, skew), &event, sizeof event);

            for (size = 0; size <= 130; size++) {
                char *line = place(out, size, skew);
                int ret = cnproc_event_format(from, line, size);

                CHECK(ret > 0 && ret < 128);
                CHECK(is_untouched(out, line, size));
                if (size > 0)
                    CHECK_EQUAL(strlen(line), (size_t)ret < size ? (size_t)ret : size - 1);
            }
            CHECK(cnproc_event_format(from, NULL, 0) > 0);
            CHECK_EQUAL(cnproc_event_format(from, NULL, 1), -EINVAL);
            CHECK_EQUAL(cnproc_event_is_thread(from), 0);
            CHECK_EQUAL(cnproc_event_tgid(from), 0);
            CHECK_EQUAL(cnproc_event_pid(from), 0);
        }
    }
    CHECK_EQUAL(cnproc_event_format(NULL, NULL, 0), -EINVAL);
    CHECK_EQUAL(cnproc_event_is_thread(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_event_tgid(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_event_pid(NULL), -EINVAL);
}

static void texts(void)
{
    int i;

    for (i = -5000; i <= 5000; i++) {
        CHECK(strlen(cnproc_strerror(i)) > 0);
        CHECK(cnproc_event_name((uint32_t)i) == NULL || strlen(cnproc_event_name((uint32_t)i)) > 0);
    }
    CHECK(strlen(cnproc_strerror(INT_MIN)) > 0);
    CHECK(strlen(cnproc_strerror(INT_MAX)) > 0);
    CHECK(strlen(cnproc_version_string()) > 0);
    CHECK(cnproc_version() > 0);
}

/* Options that are not valid, of any size and alignment. */
static void open_refused(void)
{
    const size_t least = 24, sizes[] = {least, sizeof(struct cnproc_options), 200, 4000};
    struct page in = new_page(), out = new_page();
    struct cnproc **to = place(out, sizeof *to, 0);
    size_t i, skew;

    for (skew = 0; skew < SKEWS; skew++) {
        for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            unsigned char *options = place(in, sizes[i], skew);
            int beyond = sizes[i] > sizeof(struct cnproc_options);

            /* Unknown flags, and members of a later version. */
            CHECK_EQUAL(cnproc_open(to, (void *)options, sizes[i]), beyond ? -E2BIG : -EINVAL);
            memset(options, 0, sizes[i]);
            options[sizes[i] - 1] = 1;
            if (beyond)
                CHECK_EQUAL(cnproc_open(to, (void *)options, sizes[i]), -E2BIG);
            CHECK_EQUAL(cnproc_open(to, (void *)options, least - 1), -EINVAL);
            CHECK_EQUAL(cnproc_open(to, (void *)options, SIZE_MAX), -EINVAL);
            CHECK_EQUAL(cnproc_open(NULL, (void *)options, sizes[i]), -EINVAL);
        }
    }
    CHECK(is_untouched(out, NULL, 0));
}

static void without_a_listener(void)
{
    struct cnproc_event event;
    struct cnproc_stats stats;

    cnproc_close(NULL);
    CHECK_EQUAL(cnproc_fd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_resume(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_set_events(NULL, 0), -EINVAL);
    CHECK_EQUAL(cnproc_recv(NULL, &event, 1, 0), -EINVAL);
    CHECK_EQUAL(cnproc_get_stats(NULL, &stats, sizeof stats), -EINVAL);
    CHECK_EQUAL(cnproc_adopt(NULL), -EINVAL);
    CHECK(cnproc_last_call(NULL) == NULL);
    cnproc_wake(NULL);
}

/* Generates COMM events. */
static void generate_events(size_t count)
{
    while (count--)
        CHECK_EQUAL(prctl(PR_SET_NAME, "hostile"), 0);
}

static void receive(struct cnproc *cp, struct page out)
{
    size_t skew, max, i;

    for (skew = 0; skew < SKEWS; skew++) {
        for (max = 1; max <= 4; max++) {
            struct cnproc_event *to, event;
            int ret;

            generate_events(2 * max);
            to = place(out, max * sizeof *to, skew);
            ret = cnproc_recv(cp, to, max, -1);
            CHECK(ret >= 1 && (size_t)ret <= max);
            CHECK(is_untouched(out, to, (size_t)ret * sizeof *to));
            for (i = 0; i < (size_t)ret; i++) {
                memcpy(&event, (unsigned char *)to + i * sizeof event, sizeof event);
                CHECK_EQUAL(event.reserved[2], 0);
            }
        }
    }
    place(out, 0, 0);
    CHECK_EQUAL(cnproc_recv(cp, NULL, 1, 0), -EINVAL);
    CHECK_EQUAL(cnproc_recv(cp, (void *)out.begin, 0, 0), -EINVAL);
    CHECK_EQUAL(cnproc_recv(cp, (void *)out.begin, 1, -2), -EINVAL);
    CHECK(is_untouched(out, NULL, 0));
}

static void count(struct cnproc *cp, struct page out)
{
    const size_t least = 112;
    size_t skew, size;

    for (skew = 0; skew < SKEWS; skew++) {
        for (size = 0; size <= sizeof(struct cnproc_stats) + 20; size++) {
            void *to = place(out, size, skew);
            int ret = cnproc_get_stats(cp, to, size);

            CHECK_EQUAL(ret, size < least ? -EINVAL : 0);
            CHECK(is_untouched(out, to, size < least ? 0 : size));
        }
    }
    CHECK_EQUAL(cnproc_get_stats(cp, NULL, least), -EINVAL);
    CHECK_EQUAL(cnproc_get_stats(cp, (void *)out.begin, SIZE_MAX), -EINVAL);
}

int main(void)
{
    struct page out = new_page();
    size_t skew;

    parse();
    format();
    texts();
    open_refused();
    without_a_listener();
    for (skew = 0; skew < SKEWS; skew++) {
        void *to = place(out, sizeof(struct cnproc *), skew);
        struct cnproc *cp;
        int ret = cnproc_open(to, NULL, SIZE_MAX);

        CHECK(ret == 0 || is_untouched(out, NULL, 0));
        skip_unless_open(ret);
        CHECK(is_untouched(out, to, sizeof cp));
        memcpy(&cp, to, sizeof cp);
        CHECK(cnproc_fd(cp) >= 0);
        CHECK_EQUAL(cnproc_set_events(cp, 0x400), -EINVAL);
        ret = cnproc_resume(cp);
        if (ret == CNPROC_RESUMED_UNKNOWN)
            disturbed("there was no room for the answer");
        CHECK_EQUAL(ret, CNPROC_RESUMED_ALREADY_ON);
        CHECK_EQUAL(cnproc_adopt(cp), 0);
        CHECK(cnproc_last_call(cp) == NULL);
        if (skew == 0) {
            receive(cp, out);
            count(cp, out);
        }
        cnproc_wake(cp);
        cnproc_close(cp);
    }
    return 0;
}

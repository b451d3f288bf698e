/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every function checks its arguments, and says -EINVAL, -E2BIG or nothing. */
#include <cnproc.h>

#include <errno.h>
#include <string.h>

#include "test.h"

int main(void)
{
    struct cnproc *none = (struct cnproc *)&errno, *cp = none;
    struct cnproc_event event;
    struct cnproc_options options;
    struct cnproc_process_status status;
    struct cnproc_stats stats;
    unsigned char longer[sizeof options + 8];
    unsigned char bytes[16];
    size_t offset = 0;
    char line[8];

    memset(&event, 0, sizeof event);
    memset(&options, 0, sizeof options);
    memset(bytes, 0, sizeof bytes);

    CHECK_EQUAL(cnproc_open(NULL, NULL, 0), -EINVAL);
    options.flags = 8;
    CHECK_EQUAL(cnproc_open(&cp, &options, sizeof options), -EINVAL);
    options.flags = 0;
    options.events = 0x400;
    CHECK_EQUAL(cnproc_open(&cp, &options, sizeof options), -EINVAL);
    options.events = CNPROC_EVENT_LOST;
    CHECK_EQUAL(cnproc_open(&cp, &options, sizeof options), -EINVAL);
    options.events = 0;
    CHECK_EQUAL(cnproc_open(&cp, &options, 23), -EINVAL);
    CHECK_EQUAL(cnproc_open(&cp, &options, 0), -EINVAL);
    CHECK_EQUAL(cnproc_open(&cp, &options, (size_t)-1), -EINVAL);
    memset(longer, 0, sizeof longer);
    longer[sizeof longer - 1] = 1;
    CHECK_EQUAL(cnproc_open(&cp, (struct cnproc_options *)(void *)longer, sizeof longer), -E2BIG);
    CHECK(cp == none);

    CHECK_EQUAL(cnproc_fd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_recv(NULL, &event, 1, 0), -EINVAL);
    CHECK_EQUAL(cnproc_set_events(NULL, 0), -EINVAL);
    CHECK_EQUAL(cnproc_resume(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_get_stats(NULL, &stats, sizeof stats), -EINVAL);
    CHECK_EQUAL(cnproc_adopt(NULL), -EINVAL);
    CHECK(cnproc_last_call(NULL) == NULL);
    cnproc_wake(NULL);
    cnproc_close(NULL);

    CHECK_EQUAL(cnproc_process_identity(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_replaced(NULL, NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_pid(NULL, NULL, 1), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_parent(NULL, NULL, &event), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_cmdline(NULL, NULL, &event, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_process_environ(NULL, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_process_exe_is_deleted(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_nspid(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_exe_fd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_dirfd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_pidfd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_cmdline(NULL, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_process_exe(NULL, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_process_cwd(NULL, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_process_comm(NULL, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_process_cgroup(NULL, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_process_get_status(NULL, &status, sizeof status), -EINVAL);
    cnproc_process_close(NULL);

    CHECK_EQUAL(cnproc_parse(NULL, 1, &offset, &event), -EINVAL);
    CHECK_EQUAL(cnproc_parse(bytes, sizeof bytes, NULL, &event), -EINVAL);
    CHECK_EQUAL(cnproc_parse(bytes, sizeof bytes, &offset, NULL), -EINVAL);
    CHECK_EQUAL(cnproc_parse(bytes, (size_t)-1, &offset, &event), -EINVAL);
    CHECK_EQUAL(cnproc_parse(bytes, 0, &offset, &event), 0);
    CHECK_EQUAL(offset, 0);
    CHECK_EQUAL(cnproc_parse(bytes, sizeof bytes, &offset, &event), -EBADMSG);
    CHECK_EQUAL(offset, sizeof bytes);
    CHECK_EQUAL(cnproc_parse(bytes, sizeof bytes - 1, &offset, &event), -EINVAL);
    CHECK_EQUAL(offset, sizeof bytes);

    CHECK(strcmp(cnproc_event_name(CNPROC_EVENT_FORK), "fork") == 0);
    CHECK(strcmp(cnproc_event_name(CNPROC_EVENT_LOST), "lost") == 0);
    CHECK(cnproc_event_name(0x400) == NULL);
    CHECK_EQUAL(cnproc_event_is_thread(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_event_tgid(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_event_pid(NULL), -EINVAL);

    event.what = CNPROC_EVENT_LOST;
    event.event_data.lost.count = UINT64_MAX;
    CHECK_EQUAL(cnproc_event_format(NULL, line, sizeof line), -EINVAL);
    CHECK_EQUAL(cnproc_event_format(&event, NULL, 1), -EINVAL);
    CHECK_EQUAL(cnproc_event_format(&event, NULL, 0), strlen("lost: count=18446744073709551615"));
    memset(line, 'x', sizeof line);
    CHECK(cnproc_event_format(&event, line, 5) > 4);
    CHECK(memcmp(line, "lost\0xxx", sizeof line) == 0);
    CHECK(cnproc_event_format(&event, line, 1) > 0);
    CHECK(line[0] == '\0');

    CHECK(strstr(cnproc_strerror(-CNPROC_EUSERNS), "user namespace") != NULL);
    CHECK(strcmp(cnproc_strerror(CNPROC_EUSERNS), cnproc_strerror(-CNPROC_EUSERNS)) == 0);
    CHECK(strstr(cnproc_strerror(-EMFILE), "RLIMIT_NOFILE") != NULL);
    CHECK(strstr(cnproc_strerror(-ENOTTY), "cnproc_last_call") != NULL);
    CHECK(strcmp(cnproc_strerror(0), "success") == 0);
    CHECK(cnproc_strerror((int)0x80000000u) != NULL);
    CHECK_EQUAL(cnproc_version(), CNPROC_VERSION);
    CHECK(CNPROC_VERSION_AT_LEAST(0, 1, 0) && !CNPROC_VERSION_AT_LEAST(0, 2, 0));
    return 0;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* As hostile.c: buffers that end where memory ends, at every alignment, and NULL, for the functions about processes. */
#include <errno.h>
#include <sys/prctl.h>

#include "listener.h"
#include "page.h"

typedef ssize_t text_function(const struct cnproc_process *process, char *buf, size_t len);

static text_function *const texts[] = {
    cnproc_process_cmdline, cnproc_process_exe, cnproc_process_cwd, cnproc_process_comm,
    cnproc_process_cgroup,  cnproc_process_environ,
};

static void text(const struct cnproc_process *process, text_function *function, struct page out)
{
    const ssize_t whole = function(process, NULL, 0);
    size_t skew, size;

    CHECK(whole >= 0);
    CHECK_EQUAL(function(process, NULL, 1), -EINVAL);
    CHECK_EQUAL(function(NULL, (char *)out.begin, 1), -EINVAL);
    for (skew = 0; skew < SKEWS; skew++) {
        for (size = 0; size <= (size_t)whole + 2 && size <= 512; size++) {
            char *buf = place(out, size, skew);

            CHECK_EQUAL(function(process, buf, size), whole);
            CHECK(is_untouched(out, buf, size < (size_t)whole + 1 ? size : (size_t)whole + 1));
            if (size > 0)
                CHECK_EQUAL(buf[size <= (size_t)whole ? size - 1 : (size_t)whole], 0);
        }
    }
}

static void status(const struct cnproc_process *process, struct page out)
{
    const size_t least = sizeof(struct cnproc_process_status);
    size_t skew, size;

    for (skew = 0; skew < SKEWS; skew++) {
        for (size = least - 1; size <= least + 20; size++) {
            void *to = place(out, size, skew);

            CHECK_EQUAL(cnproc_process_get_status(process, to, size), size < least ? -EINVAL : 0);
            CHECK(is_untouched(out, to, size < least ? 0 : size));
        }
    }
    CHECK_EQUAL(cnproc_process_get_status(process, NULL, least), -EINVAL);
    CHECK_EQUAL(cnproc_process_get_status(process, (void *)out.begin, SIZE_MAX), -EINVAL);
}

/* An event of this process. */
static struct cnproc_event own_event(struct cnproc *cp)
{
    CHECK_EQUAL(prctl(PR_SET_NAME, "hostile"), 0);
    return await_event(cp, CNPROC_EVENT_COMM, getpid());
}

static void without_a_process(struct cnproc *cp)
{
    struct cnproc_process *none = NULL;
    struct cnproc_process_status status;
    struct cnproc_event event;

    memset(&event, 0xa5, sizeof event);
    CHECK_EQUAL(cnproc_process_open(&none, cp, &event), -EINVAL);
    CHECK_EQUAL(cnproc_process_open(&none, cp, NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_open(&none, NULL, &event), -EINVAL);
    CHECK_EQUAL(cnproc_process_open(NULL, cp, &event), -EINVAL);
    CHECK(none == NULL);
    CHECK_EQUAL(cnproc_process_identity(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_replaced(NULL, cp), -EINVAL);
    CHECK_EQUAL(cnproc_process_pidfd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_exe_fd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_dirfd(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_nspid(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_exe_is_deleted(NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_parent(&none, cp, &event), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_parent(&none, cp, NULL), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_parent(&none, NULL, &event), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_parent(NULL, cp, &event), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_pid(&none, NULL, 1), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_pid(NULL, cp, 1), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_pid(&none, cp, 0), -ESRCH);
    CHECK_EQUAL(cnproc_process_open_pid(&none, cp, -1), -ESRCH);
    CHECK_EQUAL(cnproc_process_open_cmdline(&none, cp, &event, NULL, 0), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_cmdline(&none, cp, NULL, NULL, 0), -EINVAL);
    CHECK(none == NULL);
    CHECK_EQUAL(cnproc_process_get_status(NULL, &status, sizeof status), -EINVAL);
    cnproc_process_close(NULL);
}

static void open_pid(struct cnproc *cp, void *to, struct page out)
{
    struct cnproc_process *process;

    CHECK_EQUAL(cnproc_process_open_pid(to, cp, getpid()), 0);
    CHECK(is_untouched(out, to, sizeof process));
    memcpy(&process, to, sizeof process);
    cnproc_process_close(process);
}

static void open_cmdline(struct cnproc *cp, const struct cnproc_event *event, struct page text, struct page out,
                         size_t skew)
{
    struct cnproc_process *process;
    size_t size;

    for (size = 0; size <= 16; size++) {
        void *to = place(out, sizeof process, skew);
        char *buf = place(text, size, skew);

        CHECK(cnproc_process_open_cmdline(to, cp, event, buf, size) > 0);
        CHECK(is_untouched(out, to, sizeof process));
        CHECK(is_untouched(text, buf, size));
        memcpy(&process, to, sizeof process);
        cnproc_process_close(process);
    }
    CHECK_EQUAL(cnproc_process_open_cmdline(NULL, cp, event, NULL, 0), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_cmdline(&process, NULL, event, NULL, 0), -EINVAL);
    CHECK_EQUAL(cnproc_process_open_cmdline(&process, cp, event, NULL, 1), -EINVAL);
}

int main(void)
{
    struct page in = new_page(), out = new_page();
    struct cnproc_event event;
    struct cnproc *cp = open_listener(NULL);
    size_t skew, i;
    int ret;

    without_a_process(cp);
    event = own_event(cp);
    for (skew = 0; skew < SKEWS; skew++) {
        struct cnproc_process *process;
        void *from = memcpy(place(in, sizeof event, skew), &event, sizeof event);
        void *to = place(out, sizeof process, skew);

        CHECK_EQUAL(cnproc_process_open(to, cp, from), 0);
        CHECK(is_untouched(out, to, sizeof process));
        memcpy(&process, to, sizeof process);
        CHECK(cnproc_process_identity(process) >= 0);
        CHECK(cnproc_process_replaced(process, cp) >= 0);
        CHECK_EQUAL(cnproc_process_replaced(process, NULL), -EINVAL);
        CHECK(cnproc_process_nspid(process) > 0);
        CHECK_EQUAL(cnproc_process_exe_is_deleted(process), 0);
        CHECK_EQUAL(close(cnproc_process_exe_fd(process)), 0);
        CHECK_EQUAL(close(cnproc_process_dirfd(process)), 0);
        ret = cnproc_process_pidfd(process);
        CHECK(ret >= 0 || ret == -ENOSYS);
        if (ret >= 0)
            CHECK_EQUAL(close(ret), 0);
        for (i = 0; skew == 0 && i < sizeof texts / sizeof *texts; i++)
            text(process, texts[i], out);
        if (skew == 0)
            status(process, out);
        cnproc_process_close(process);
        open_pid(cp, place(out, sizeof process, skew), out);
        open_cmdline(cp, &event, in, out, skew);
    }
    cnproc_close(cp);
    return 0;
}

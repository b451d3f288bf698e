/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The header twice, and together with the kernel's; its macros; a call of the library. */
#include <cnproc.h>
#include <cnproc.h>

#include <linux/cn_proc.h>

#include <stdio.h>
#include <string.h>

#if CNPROC_VERSION != (CNPROC_VERSION_MAJOR << 16 | CNPROC_VERSION_MINOR << 8 | CNPROC_VERSION_PATCH)
#error "CNPROC_VERSION is not of its parts"
#endif
#if !CNPROC_VERSION_AT_LEAST(CNPROC_VERSION_MAJOR, CNPROC_VERSION_MINOR, CNPROC_VERSION_PATCH)
#error "this is at least itself"
#endif
#if CNPROC_VERSION_AT_LEAST(CNPROC_VERSION_MAJOR, CNPROC_VERSION_MINOR, CNPROC_VERSION_PATCH + 1)
#error "this is not a later patch"
#endif
#if CNPROC_VERSION_AT_LEAST(CNPROC_VERSION_MAJOR, CNPROC_VERSION_MINOR + 1, 0)
#error "this is not a later minor version"
#endif
#if CNPROC_VERSION_AT_LEAST(CNPROC_VERSION_MAJOR + 1, 0, 0)
#error "this is not a later major version"
#endif

static int differ(uint32_t what, const char *name)
{
    return strcmp(cnproc_event_name(what), name) != 0;
}

int main(void)
{
    static const uint32_t all = CNPROC_EVENT_FORK | CNPROC_EVENT_EXEC | CNPROC_EVENT_UID
                                | CNPROC_EVENT_GID | CNPROC_EVENT_SID | CNPROC_EVENT_PTRACE
                                | CNPROC_EVENT_COMM | CNPROC_EVENT_COREDUMP | CNPROC_EVENT_EXIT;
    char version[32];

    if (differ(CNPROC_EVENT_NONE, "ack") || differ(CNPROC_EVENT_FORK, "fork")
        || differ(CNPROC_EVENT_EXEC, "exec") || differ(CNPROC_EVENT_UID, "uid")
        || differ(CNPROC_EVENT_GID, "gid") || differ(CNPROC_EVENT_SID, "sid")
        || differ(CNPROC_EVENT_PTRACE, "ptrace") || differ(CNPROC_EVENT_COMM, "comm")
        || differ(CNPROC_EVENT_COREDUMP, "coredump") || differ(CNPROC_EVENT_EXIT, "exit")
        || differ(CNPROC_EVENT_LOST, "lost") || all != CNPROC_EVENT_ALL)
        return 1;
    snprintf(version, sizeof version, "%d.%d.%d", CNPROC_VERSION_MAJOR, CNPROC_VERSION_MINOR,
             CNPROC_VERSION_PATCH);
    if (cnproc_version() != CNPROC_VERSION || strcmp(cnproc_version_string(), version) != 0)
        return 2;
    return sizeof(struct cnproc_event) == 64 ? 0 : 3;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * To be compiled, not run: the layouts and constants of the library, and of cnproc.h, are those of the
 * kernel's headers. A test sees to it that no member and no event type is left out.
 */
#include <linux/netlink.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>

#include <cnproc.h>

#define ASSERT(condition) _Static_assert(condition, #condition)
#define THE(type, path) (((struct type *)0)->path)

/* (type)-1 is above 0 unless it is signed. */
#define IS_SIGNED(of) (!((__typeof__(of))-1 > 0))
#define IS_UNSIGNED(of) ((__typeof__(of))-1 > 0)
#define IS_BYTES(of) (sizeof(of)[0] == 1)

/* The library in Rust. A struct of 32-bit integers is aligned to less on m68k, to no harm. */
#define STRUCT(type, size, align)                    \
    ASSERT(sizeof(struct type) == size);             \
    ASSERT(_Alignof(struct type) == (align == 4 ? _Alignof(__u32) : align));
#define MEMBER(type, path, offset, size, kind)       \
    ASSERT(offsetof(struct type, path) == offset);   \
    ASSERT(sizeof THE(type, path) == size);          \
    ASSERT(IS_##kind(THE(type, path)));
#define CONSTANT(name, value) ASSERT(name == value);

#include "layout.def"

/* The header for C: a struct proc_event's members, at the same places, and of the same types but in name. */
#define KERNEL(path) THE(proc_event, path)
#define OURS(path) THE(cnproc_event, path)
#define SAME_PLACE(path)                                                              \
    ASSERT(offsetof(struct cnproc_event, path) == offsetof(struct proc_event, path)); \
    ASSERT(sizeof OURS(path) == sizeof KERNEL(path));
#define SAME(path)                                                                    \
    SAME_PLACE(path)                                                                  \
    ASSERT(IS_SIGNED(OURS(path)) == IS_SIGNED(KERNEL(path)));
#define SAME_BYTES(path)                                                              \
    SAME_PLACE(path)                                                                  \
    ASSERT(IS_SIGNED(OURS(path)[0]) == IS_SIGNED(KERNEL(path)[0]));
#define SAME_CONSTANT(name) ASSERT(CNPROC_##name == PROC_##name);

SAME(what)
SAME(cpu)
SAME(timestamp_ns)
SAME(event_data.ack.err)
SAME(event_data.fork.parent_pid)
SAME(event_data.fork.parent_tgid)
SAME(event_data.fork.child_pid)
SAME(event_data.fork.child_tgid)
SAME(event_data.exec.process_pid)
SAME(event_data.exec.process_tgid)
SAME(event_data.id.process_pid)
SAME(event_data.id.process_tgid)
SAME(event_data.id.r.ruid)
SAME(event_data.id.r.rgid)
SAME(event_data.id.e.euid)
SAME(event_data.id.e.egid)
SAME(event_data.sid.process_pid)
SAME(event_data.sid.process_tgid)
SAME(event_data.ptrace.process_pid)
SAME(event_data.ptrace.process_tgid)
SAME(event_data.ptrace.tracer_pid)
SAME(event_data.ptrace.tracer_tgid)
SAME(event_data.comm.process_pid)
SAME(event_data.comm.process_tgid)
SAME_BYTES(event_data.comm.comm)
SAME(event_data.coredump.process_pid)
SAME(event_data.coredump.process_tgid)
SAME(event_data.coredump.parent_pid)
SAME(event_data.coredump.parent_tgid)
SAME(event_data.exit.process_pid)
SAME(event_data.exit.process_tgid)
SAME(event_data.exit.exit_code)
SAME(event_data.exit.exit_signal)
SAME(event_data.exit.parent_pid)
SAME(event_data.exit.parent_tgid)

ASSERT(sizeof(struct cnproc_event) == 64);
ASSERT(offsetof(struct cnproc_event, seq) == sizeof(struct proc_event));
ASSERT(sizeof(union cnproc_event_data) == sizeof THE(proc_event, event_data));
ASSERT(sizeof THE(cnproc_event, event_data.bytes) == sizeof(union cnproc_event_data));

SAME_CONSTANT(EVENT_NONE)
SAME_CONSTANT(EVENT_FORK)
SAME_CONSTANT(EVENT_EXEC)
SAME_CONSTANT(EVENT_UID)
SAME_CONSTANT(EVENT_GID)
SAME_CONSTANT(EVENT_SID)
SAME_CONSTANT(EVENT_PTRACE)
SAME_CONSTANT(EVENT_COMM)
SAME_CONSTANT(EVENT_COREDUMP)
SAME_CONSTANT(EVENT_EXIT)
ASSERT(CNPROC_EVENT_ALL == (PROC_EVENT_FORK | PROC_EVENT_EXEC | PROC_EVENT_UID | PROC_EVENT_GID |
                            PROC_EVENT_SID | PROC_EVENT_PTRACE | PROC_EVENT_COMM |
                            PROC_EVENT_COREDUMP | PROC_EVENT_EXIT));
#ifdef PROC_EVENT_ALL /* Linux 6.6 */
SAME_CONSTANT(EVENT_NONZERO_EXIT)
/* The header's is the mask of event types, without what is no type. */
ASSERT((CNPROC_EVENT_ALL | CNPROC_EVENT_NONZERO_EXIT) == PROC_EVENT_ALL);
#endif

/* The micro-benchmarks' reference: what a C program does to a datagram: a cast, and a switch over the event. */
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

uint64_t c_cast_and_switch(const void *bytes, size_t len);

/* A number that depends on the event's fields, so that the compiler must read them; 0 if there is no event. */
uint64_t c_cast_and_switch(const void *bytes, size_t len)
{
	const struct nlmsghdr *header = bytes;
	const struct cn_msg *message;
	/* Unaligned by nature: the event stands at offset 36. */
	const struct __attribute__((packed)) { struct proc_event event; } *at;

	if (!NLMSG_OK(header, len))
		return 0;
	message = NLMSG_DATA(header);
	if (message->id.idx != CN_IDX_PROC || message->id.val != CN_VAL_PROC)
		return 0;
	at = (const void *)message->data;
	switch ((uint32_t)at->event.what) {
	case 0x00000001: /* FORK; values and not names, which differ between the kernel's headers */
		return (uint64_t)at->event.event_data.fork.child_pid + (uint64_t)at->event.event_data.fork.parent_tgid;
	case 0x00000002: /* EXEC */
		return (uint64_t)at->event.event_data.exec.process_pid;
	case 0x00000004: /* UID */
	case 0x00000040: /* GID */
		return (uint64_t)at->event.event_data.id.process_pid + at->event.event_data.id.r.ruid;
	case 0x00000080: /* SID */
		return (uint64_t)at->event.event_data.sid.process_pid;
	case 0x00000100: /* PTRACE */
		return (uint64_t)at->event.event_data.ptrace.process_pid + (uint64_t)at->event.event_data.ptrace.tracer_pid;
	case 0x00000200: /* COMM */
		return (uint64_t)at->event.event_data.comm.process_pid + (uint64_t)at->event.event_data.comm.comm[0];
	case 0x40000000: /* COREDUMP */
		return (uint64_t)at->event.event_data.coredump.process_pid;
	case 0x80000000: /* EXIT */
		return (uint64_t)at->event.event_data.exit.process_pid + at->event.event_data.exit.exit_code;
	default:
		return 0;
	}
}

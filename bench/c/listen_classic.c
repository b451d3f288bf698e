/* Reference: the loop of the classic program: recv into a packed struct, a switch, a line for each event on stdout; any
 * error of recv but EINTR is its end. */
#include <errno.h>
#include <stdio.h>

#include "netlink.h"

struct __attribute__((packed, aligned(NLMSG_ALIGNTO))) datagram {
	struct nlmsghdr header;
	struct __attribute__((packed)) {
		struct cn_msg message;
		struct proc_event event;
	};
};

static void print_event(const struct proc_event *e)
{
	/* The values and not their names: these moved out of the struct in 6.6. */
	switch ((uint32_t)e->what) {
	case 0x00000000:
		printf("set mcast listen ok\n");
		break;
	case 0x00000001:
		printf("fork: parent tid=%d pid=%d -> child tid=%d pid=%d\n", e->event_data.fork.parent_pid,
		       e->event_data.fork.parent_tgid, e->event_data.fork.child_pid, e->event_data.fork.child_tgid);
		break;
	case 0x00000002:
		printf("exec: tid=%d pid=%d\n", e->event_data.exec.process_pid, e->event_data.exec.process_tgid);
		break;
	case 0x00000004:
		printf("uid change: tid=%d pid=%d from %d to %d\n", e->event_data.id.process_pid,
		       e->event_data.id.process_tgid, e->event_data.id.r.ruid, e->event_data.id.e.euid);
		break;
	case 0x00000040:
		printf("gid change: tid=%d pid=%d from %d to %d\n", e->event_data.id.process_pid,
		       e->event_data.id.process_tgid, e->event_data.id.r.rgid, e->event_data.id.e.egid);
		break;
	case 0x80000000:
		printf("exit: tid=%d pid=%d exit_code=%d\n", e->event_data.exit.process_pid,
		       e->event_data.exit.process_tgid, e->event_data.exit.exit_code);
		break;
	default:
		printf("unhandled proc event\n");
		break;
	}
}

int main(int argc, char **argv)
{
	struct datagram datagram;
	int fd;

	figures_begin(argc, argv);
	fd = listen_to_processes();
	figures_ready();
	for (;;) {
		ssize_t n = recv(fd, &datagram, sizeof(datagram), 0);
		struct proc_event event;

		if (n == 0)
			return 0;
		if (n < 0) {
			if (errno == EINTR)
				continue;
			figures_fail("netlink recv");
		}
		memcpy(&event, &datagram.event, sizeof(event));
		print_event(&event);
		figures.events++;
		if (figures.latency)
			figures_delay(event.timestamp_ns, figures_now());
	}
}

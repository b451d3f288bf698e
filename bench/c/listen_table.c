/* Reference: a table of processes by hand, as programs build it on the connector: by pid, filled by a scan of /proc
 * behind LISTEN. It believes every event, and misses what was lost; with "cmdline" it reads each program's command line
 * when it is executed. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "netlink.h"

enum { SLOTS = 1 << 16, TEXT = 256 };

struct process {
	struct process *next; /* of the same slot */
	int pid, parent;
	uint64_t start_ns;
	size_t length;
	char cmdline[TEXT];
};

static struct process *slots[SLOTS];

static struct process **find(int pid)
{
	struct process **at = &slots[(unsigned)pid % SLOTS];

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

static struct process *add(int pid, int parent, uint64_t start_ns)
{
	struct process **at = find(pid);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			figures_fail("calloc");
	}
	(*at)->pid = pid;
	(*at)->parent = parent;
	(*at)->start_ns = start_ns;
	return *at;
}

static void forget(int pid)
{
	struct process **at = find(pid), *gone = *at;

	if (gone) {
		*at = gone->next;
		free(gone);
	}
}

static void read_cmdline(struct process *process)
{
	char path[32];
	ssize_t n;
	int fd;

	if (!figures.cmdline)
		return;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", process->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, process->cmdline, TEXT);
	process->length = n > 0 ? (size_t)n : 0;
	close(fd);
}

static void scan(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		figures_fail("/proc");
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			read_cmdline(add(atoi(entry->d_name), 0, 0));
	closedir(proc);
}

static void apply(const struct proc_event *event)
{
	struct process *process, *parent;

	switch ((uint32_t)event->what) {
	case 0x00000001: /* FORK */
		if (event->event_data.fork.child_pid != event->event_data.fork.child_tgid)
			break;
		process = add(event->event_data.fork.child_tgid, event->event_data.fork.parent_tgid, event->timestamp_ns);
		parent = *find(process->parent);
		if (parent) {
			process->length = parent->length;
			memcpy(process->cmdline, parent->cmdline, parent->length);
		}
		break;
	case 0x00000002: /* EXEC */
		read_cmdline(add(event->event_data.exec.process_tgid, 0, event->timestamp_ns));
		break;
	case 0x80000000: /* EXIT */
		if (event->event_data.exit.process_pid == event->event_data.exit.process_tgid)
			forget(event->event_data.exit.process_tgid);
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	unsigned char datagram[256];
	struct proc_event event;
	int fd;

	figures_begin(argc, argv);
	fd = listen_to_processes();
	scan();
	figures_ready();
	for (;;) {
		ssize_t n = recv(fd, datagram, sizeof(datagram), 0);

		if (n < 0) {
			if (errno == ENOBUFS || errno == EINTR)
				continue;
			figures_fail("recv");
		}
		if (n < DATAGRAM)
			continue;
		memcpy(&event, datagram + EVENT_AT, EVENT_LEN);
		figures.events++;
		apply(&event);
	}
}

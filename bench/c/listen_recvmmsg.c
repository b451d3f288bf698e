/* Reference: recvmmsg(2) of up to 64. As it is, nothing is looked at. With CHECKED, every event is checked and copied
 * out as a library must: the sender's address, every length, the connector's id, the sequence of its CPU. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/uio.h>

#include "netlink.h"

enum { BATCH = 64, ROOM = 256, CPUS = 1024 };

static unsigned char arena[BATCH][ROOM];
static struct mmsghdr headers[BATCH];
static struct iovec vectors[BATCH];

#ifdef CHECKED
struct event {
	struct proc_event event;
	uint32_t seq, ack, size, reserved[3];
};

static struct sockaddr_nl senders[BATCH];
static struct event events[BATCH];
static uint32_t next_seq[CPUS];
static unsigned char seen[CPUS];

static int parse(const unsigned char *bytes, size_t len, struct event *out)
{
	struct nlmsghdr header;
	struct cn_msg message;

	if (len < EVENT_AT)
		return 0;
	memcpy(&header, bytes, sizeof(header));
	memcpy(&message, bytes + CN_AT, sizeof(message));
	if (header.nlmsg_type != NLMSG_DONE || header.nlmsg_len < EVENT_AT || header.nlmsg_len > len ||
	    message.id.idx != CN_IDX_PROC || message.id.val != CN_VAL_PROC ||
	    message.len < EVENT_LEN || message.len > header.nlmsg_len - EVENT_AT)
		return 0;
	memcpy(&out->event, bytes + EVENT_AT, EVENT_LEN);
	out->seq = message.seq;
	out->ack = message.ack;
	out->size = message.len;
	if (out->event.cpu < CPUS) {
		uint32_t cpu = out->event.cpu;

		if (seen[cpu])
			figures.lost += message.seq - next_seq[cpu];
		seen[cpu] = 1;
		next_seq[cpu] = message.seq + 1;
	}
	return 1;
}

/* Returns how many of the batch are sound; their events stand at the front of `events`. */
static unsigned take(unsigned n)
{
	unsigned sound = 0;

	for (unsigned i = 0; i < n; i++) {
		headers[i].msg_hdr.msg_namelen = sizeof(senders[i]);
		if (senders[i].nl_pid != 0 || headers[i].msg_hdr.msg_flags & MSG_TRUNC)
			continue;
		sound += (unsigned)parse(arena[i], headers[i].msg_len, &events[sound]);
	}
	return sound;
}
#else
static unsigned take(unsigned n)
{
	return n;
}
#endif

int main(int argc, char **argv)
{
	int fd;

	figures_begin(argc, argv);
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ arena[i], ROOM };
		headers[i].msg_hdr.msg_iov = &vectors[i];
		headers[i].msg_hdr.msg_iovlen = 1;
#ifdef CHECKED
		headers[i].msg_hdr.msg_name = &senders[i];
		headers[i].msg_hdr.msg_namelen = sizeof(senders[i]);
#endif
	}
	fd = listen_to_processes();
	figures_ready();
	for (;;) {
		int n = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);

		if (n < 0) {
			if (errno == ENOBUFS)
				continue;
			figures_fail("recvmmsg");
		}
		figures.events += take((unsigned)n);
		if (figures.latency) {
			uint64_t now = figures_now();

			for (int i = 0; i < n; i++)
				figures_delay(timestamp_of(arena[i]), now);
		}
	}
}

/* A connector socket in plain C, for the reference listeners. */
#ifndef NETLINK_H
#define NETLINK_H

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "figures.h"

/* nlmsghdr, cn_msg, proc_event: a datagram of the kernel's. */
enum { CN_AT = 16, EVENT_AT = 36, EVENT_LEN = 40, DATAGRAM = EVENT_AT + EVENT_LEN };

static inline int listen_to_processes(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	unsigned char request[EVENT_AT + 8] = { 0 };
	/* Since 6.6 a request may carry a mask of events: the kernel's own filter. */
	uint32_t input[2] = { PROC_CN_MCAST_LISTEN, 0x80000000u /* PROC_EVENT_EXIT */ };
	uint16_t payload = figures.exits_only ? 8 : 4;
	struct nlmsghdr header = { .nlmsg_len = (uint32_t)EVENT_AT + payload, .nlmsg_type = NLMSG_DONE };
	struct cn_msg message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = payload };
	int fd = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

	if (fd < 0)
		figures_fail("socket");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		figures_fail("bind");
	memcpy(request, &header, sizeof(header));
	memcpy(request + CN_AT, &message, sizeof(message));
	memcpy(request + EVENT_AT, input, sizeof(input));
	if (send(fd, request, header.nlmsg_len, 0) < 0)
		figures_fail("send");
	return fd;
}

static inline uint64_t timestamp_of(const unsigned char *datagram)
{
	uint64_t ns;

	memcpy(&ns, datagram + EVENT_AT + 8, sizeof(ns));
	return ns;
}

#endif

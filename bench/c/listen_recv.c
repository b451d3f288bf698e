/* Reference: one recv(2) per event, nothing looked at. */
#include <errno.h>

#include "netlink.h"

int main(int argc, char **argv)
{
	unsigned char datagram[256];
	int fd;

	figures_begin(argc, argv);
	fd = listen_to_processes();
	figures_ready();
	for (;;) {
		if (recv(fd, datagram, sizeof(datagram), 0) < 0) {
			if (errno == ENOBUFS)
				continue;
			figures_fail("recv");
		}
		figures.events++;
		if (figures.latency)
			figures_delay(timestamp_of(datagram), figures_now());
	}
}

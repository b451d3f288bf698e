/* cnproc from C. */
#include <cnproc.h>
#include <errno.h>
#include <stdio.h>

#include "figures.h"

int main(int argc, char **argv)
{
	static struct cnproc_event events[64];
	struct cnproc_options options = { 0 };
	struct cnproc *cp;
	int n;

	figures_begin(argc, argv);
	options.coalesce_us = figures.coalesce_us;
	options.flags = figures.ring ? CNPROC_OPEN_RING : 0;
	options.events = figures.exits_only ? CNPROC_EVENT_EXIT : 0;
	n = cnproc_open(&cp, &options, sizeof(options));
	if (n < 0) {
		fprintf(stderr, "cnproc_open: %s\n", cnproc_strerror(n));
		return 1;
	}
	if (figures.ring) {
		struct cnproc_stats stats;

		n = cnproc_get_stats(cp, &stats, sizeof(stats));
		if (n < 0 || stats.source != CNPROC_SOURCE_RING) {
			fprintf(stderr, "no ring: %s\n", cnproc_strerror(n < 0 ? n : stats.ring_error));
			return 1;
		}
	}
	figures_ready();
	for (;;) {
		uint64_t now;

		n = cnproc_recv(cp, events, 64, figures.timeout ? 1000 : -1);
		if (n == -EINTR) /* stopped and continued by the harness */
			continue;
		if (n < 0) {
			fprintf(stderr, "cnproc_recv: %s\n", cnproc_strerror(n));
			return 1;
		}
		now = figures.latency ? figures_now() : 0;
		for (int i = 0; i < n; i++) {
			if (events[i].what == CNPROC_EVENT_LOST) {
				figures.lost += events[i].event_data.lost.count;
				continue;
			}
			figures.events++;
			if (figures.latency)
				figures_delay(events[i].timestamp_ns, now);
		}
	}
}

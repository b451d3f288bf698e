/* The tracker from C: the same table as listen_table.c has, but complete. */
#include <cnproc.h>
#include <errno.h>
#include <stdio.h>

#include "figures.h"

int main(int argc, char **argv)
{
	struct cnproc_tracker_options options = { 0 };
	struct cnproc_change change;
	struct cnproc_tracker *t;
	int n;

	figures_begin(argc, argv);
	options.coalesce_us = figures.coalesce_us;
	options.flags = (figures.ring ? CNPROC_TRACK_RING : 0) | (figures.cmdline ? CNPROC_TRACK_CMDLINE : 0);
	n = cnproc_tracker_open(&t, &options, sizeof(options));
	if (n < 0) {
		fprintf(stderr, "cnproc_tracker_open: %s\n", cnproc_strerror(n));
		return 1;
	}
	if (figures.ring) {
		struct cnproc_tracker_stats stats;

		n = cnproc_tracker_get_stats(t, &stats, sizeof(stats));
		if (n < 0 || stats.listener.source != CNPROC_SOURCE_RING) {
			fprintf(stderr, "no ring: %s\n", cnproc_strerror(n < 0 ? n : stats.listener.ring_error));
			return 1;
		}
	}
	for (int is_ready = 0;;) {
		n = cnproc_tracker_recv(t, &change, sizeof(change), -1);
		if (n == -EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "cnproc_tracker_recv: %s\n", cnproc_strerror(n));
			return 1;
		}
		if (n == 0)
			continue;
		figures.events++;
		if (change.type == CNPROC_CHANGE_LOST)
			figures.lost += change.count;
		if (change.type == CNPROC_CHANGE_SYNCED && !is_ready) {
			is_ready = 1;
			figures_ready();
		}
	}
}

/* What all listeners of the benchmark have in common. The protocol is in README.md. */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdint.h>
#include <time.h>

struct figures {
	uint64_t events;    /* handed over to the listener */
	uint64_t lost;      /* reported to the listener as lost */
	int latency;        /* argument "latency": keep a histogram of the delay of each event */
	int exits_only;     /* argument "exits": ask for EXIT events only */
	int timeout;        /* argument "timeout": wait with a timeout of a second, not indefinitely */
	uint32_t coalesce_us; /* argument "coalesce=N" */
	int ring;           /* argument "ring": receive through a ring, and fail if there is none */
	int cmdline;        /* argument "cmdline": keep the command line of each process */
};

extern struct figures figures;

/* First thing in main: reads the arguments and arranges that SIGTERM prints the figures and ends the process. */
void figures_begin(int argc, char **argv);
/* Events flow from here on. */
void figures_ready(void);
/* Adds to the histogram an event that the kernel stamped `timestamp_ns` and the listener held at `now`. */
void figures_delay(uint64_t timestamp_ns, uint64_t now);
/* Ends the process with a sentence on stderr. */
_Noreturn void figures_fail(const char *what);

static inline uint64_t figures_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif

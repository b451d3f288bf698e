#include "figures.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HARNESS 3          /* the harness holds the other end of this descriptor */
#define STEPS 32           /* histogram buckets for each power of two: 3 % wide */
#define BUCKETS (64 * STEPS)

struct figures figures;

static uint64_t histogram[BUCKETS];
static long anon_before;

/* Resident memory that is neither file nor shared, in KiB; async-signal-safe. */
static long anonymous_kib(void)
{
	char text[128];
	long size, resident, shared;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = 0;
	if (sscanf(text, "%ld %ld %ld", &size, &resident, &shared) != 3)
		return -1;
	return (resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned bucket_of(uint64_t ns)
{
	unsigned power;

	if (ns < STEPS)
		return (unsigned)ns;
	power = 63u - (unsigned)__builtin_clzll(ns);
	return (power - 4) * STEPS + (unsigned)((ns >> (power - 5)) - STEPS);
}

static uint64_t bucket_start(unsigned bucket)
{
	if (bucket < STEPS)
		return bucket;
	return (uint64_t)(bucket % STEPS + STEPS) << (bucket / STEPS - 1);
}

static uint64_t percentile(uint64_t total, unsigned percent)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += histogram[i];
		if (seen * 100 >= total * percent && seen != 0)
			return bucket_start(i);
	}
	return 0;
}

/* Formatting in a signal handler: the process does nothing else any more, and no thread holds a lock of stdio's
 * that vsnprintf would want. A handler, because some of the libraries on trial start again after EINTR. */
static void finish(int signal)
{
	char line[256];
	uint64_t delays = 0;
	int n;

	(void)signal;
	for (unsigned i = 0; i < BUCKETS; i++)
		delays += histogram[i];
	n = snprintf(line, sizeof(line), "events=%llu lost=%llu p50_ns=%llu p99_ns=%llu anon_kib=%ld\n",
		     (unsigned long long)figures.events, (unsigned long long)figures.lost,
		     (unsigned long long)percentile(delays, 50), (unsigned long long)percentile(delays, 99),
		     anonymous_kib() - anon_before);
	_exit(write(HARNESS, line, (size_t)n) == n ? 0 : 1);
}

void figures_begin(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = finish };

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "latency") == 0)
			figures.latency = 1;
		else if (strcmp(argv[i], "exits") == 0)
			figures.exits_only = 1;
		else if (strcmp(argv[i], "timeout") == 0)
			figures.timeout = 1;
		else if (strcmp(argv[i], "ring") == 0)
			figures.ring = 1;
		else if (strcmp(argv[i], "cmdline") == 0)
			figures.cmdline = 1;
		else if (strncmp(argv[i], "coalesce=", 9) == 0)
			figures.coalesce_us = (uint32_t)strtoul(argv[i] + 9, NULL, 10);
		else {
			fprintf(stderr, "%s: unknown argument %s\n", argv[0], argv[i]);
			exit(2);
		}
	}
	sigaction(SIGTERM, &action, NULL);
	anon_before = anonymous_kib();
}

void figures_ready(void)
{
	if (write(HARNESS, "ready\n", 6) != 6)
		figures_fail("descriptor 3: this program is started by the harness");
}

void figures_delay(uint64_t timestamp_ns, uint64_t now)
{
	histogram[bucket_of(now > timestamp_ns ? now - timestamp_ns : 0)]++;
}

_Noreturn void figures_fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

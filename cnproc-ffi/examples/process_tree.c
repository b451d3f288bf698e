/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * process_tree [--svg FILE] COMMAND [ARGUMENT...]: runs a command, waits until it and all its descendants have
 * exited, and prints each of them below the process that forked it: when it started, how long it lived, in
 * seconds, how it exited, its pid, and the program that it executed last. With --svg, it also draws their time
 * line. Ctrl-C ends the wait.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cnproc.h>

/* Places in `processes`; 0 for none. */
struct place {
    size_t parent, child, last_child, sibling;
    unsigned depth;
};

struct process {
    struct cnproc_entry entry;
    struct place place;
    char command[128];
};

static struct cnproc_tracker *t;
static volatile sig_atomic_t need_exit;

/* In the order in which they started. The first is this one. */
static struct process *processes;
static size_t count, room;

/* The wake ends the wait also if the signal arrives just before it. */
static void on_sigint(int signo)
{
    (void)signo;
    need_exit = 1;
    cnproc_tracker_wake(t);
}

static int grow(void)
{
    size_t more = room > 0 ? 2 * room : 64;
    struct process *grown;

    if (count < room)
        return 0;
    grown = realloc(processes, more * sizeof *grown);
    if (grown == NULL)
        return -ENOMEM;
    processes = grown;
    room = more;
    return 0;
}

/* Each entry of the table has its place as its user word. This process has 0. */
static int add(const struct cnproc_entry *entry)
{
    struct cnproc_entry creator;
    struct process *process, *parent;
    int ret = grow();

    if (ret < 0)
        return ret;
    process = &processes[count];
    memset(process, 0, sizeof *process);
    process->entry = *entry;
    if (cnproc_tracker_get_id(t, entry->creator_id, &creator, sizeof creator) == 0)
        process->place.parent = (size_t)creator.user;
    parent = &processes[process->place.parent];
    process->place.depth = parent->place.depth + 1;
    if (parent->place.child == 0)
        parent->place.child = count;
    else
        processes[parent->place.last_child].place.sibling = count;
    parent->place.last_child = count;
    return cnproc_tracker_set_user(t, entry->id, count++);
}

/* The program that a process executed last, printable; the name, if its command line is not known. */
static void describe(struct process *process)
{
    char *text = process->command;
    ssize_t length = 0;
    size_t i, end;

    if (process->entry.known & CNPROC_KNOWN_CMDLINE)
        length = cnproc_tracker_cmdline(t, process->entry.id, text, sizeof process->command);
    if (length <= 0)
        length = snprintf(text, sizeof process->command, "[%.16s%s]", process->entry.comm,
                          process->entry.known & CNPROC_KNOWN_COMM ? "" : "?");
    end = (size_t)length < sizeof process->command ? (size_t)length : sizeof process->command - 1;
    while (end > 0 && text[end - 1] == '\0')
        end--;
    for (i = 0; i < end; i++)
        if (text[i] == '\0')
            text[i] = ' ';
        else if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
}

static int apply(const struct cnproc_change *change, size_t *exited)
{
    struct process *process;

    if (change->type == CNPROC_CHANGE_LOST)
        fprintf(stderr, "process_tree: %" PRIu64 " events were lost\n", change->count);
    if (change->entry.pid == getpid())
        return 0;
    if (change->type == CNPROC_CHANGE_FOUND || change->type == CNPROC_CHANGE_STARTED)
        return add(&change->entry);
    if (change->entry.user == 0)
        return 0;
    process = &processes[change->entry.user];
    process->entry = change->entry;
    /* At the end the tracker still has what it executed last. */
    describe(process);
    *exited += change->type == CNPROC_CHANGE_EXITED;
    return 0;
}

/* Until the last has exited. */
static int watch(void)
{
    struct cnproc_change change;
    size_t exited = 0;
    int ret = 0;

    while (!need_exit && (ret >= 0 || ret == -EINTR) && (count == 1 || exited < count - 1)) {
        ret = cnproc_tracker_recv(t, &change, sizeof change, -1);
        if (ret == 1)
            ret = apply(&change, &exited);
    }
    return ret == -EINTR ? 0 : ret;
}

/* This process is in the table, so its child will be. */
static int start(char **command)
{
    int ret = cnproc_tracker_add(t, getpid());
    pid_t child;

    if (ret < 0)
        return ret;
    child = fork();
    if (child == 0) {
        execvp(command[0], command);
        fprintf(stderr, "process_tree: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    return child < 0 ? -errno : 0;
}

static size_t after(size_t at)
{
    if (processes[at].place.child != 0)
        return processes[at].place.child;
    while (at != 0 && processes[at].place.sibling == 0)
        at = processes[at].place.parent;
    return processes[at].place.sibling;
}

static const char *how(const struct cnproc_entry *entry, char *text, size_t size)
{
    int status = (int)entry->exit_code;

    if (!(entry->known & CNPROC_KNOWN_EXIT_CODE))
        snprintf(text, size, entry->exit_ns == 0 ? "end not seen" : "unknown");
    else if (WIFSIGNALED(status))
        snprintf(text, size, "signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "status %d", WEXITSTATUS(status));
    return text;
}

/* Times in seconds. */
static double since_start(uint64_t ns)
{
    return (double)(int64_t)(ns - processes[1].entry.start_ns) / 1e9;
}

static double lifetime(const struct cnproc_entry *entry)
{
    return entry->exit_ns == 0 ? 0 : (double)(entry->exit_ns - entry->start_ns) / 1e9;
}

static void print_tree(void)
{
    char text[32];
    size_t at;

    printf("%9s %9s %-12s %7s COMMAND\n", "START", "LIVED", "EXIT", "PID");
    for (at = after(0); at != 0; at = after(at)) {
        const struct process *process = &processes[at];

        printf("%9.3f %9.3f %-12s %7d %*s%s\n", since_start(process->entry.start_ns),
               lifetime(&process->entry), how(&process->entry, text, sizeof text),
               (int)process->entry.pid, 2 * (int)(process->place.depth - 1), "",
               process->command);
    }
}

static void write_text(FILE *file, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '<' || *text == '>' || *text == '&' || *text == '"')
            fprintf(file, "&#%d;", *text);
        else
            fputc(*text, file);
}

#define WIDTH 1000
#define ROW 16

/* A bar for each process, from its start to its exit. */
static int draw(const char *path)
{
    FILE *file = fopen(path, "w");
    double end = 1e-9;
    char text[32];
    size_t at;
    int y = 0;

    if (file == NULL)
        return -errno;
    for (at = 1; at < count; at++)
        if (since_start(processes[at].entry.exit_ns) > end)
            end = since_start(processes[at].entry.exit_ns);
    fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
            "font-family=\"sans-serif\" font-size=\"11\">\n", WIDTH + 500, (count - 1) * ROW);
    for (at = after(0); at != 0; at = after(at), y += ROW) {
        const struct cnproc_entry *entry = &processes[at].entry;
        double x = since_start(entry->start_ns) / end * WIDTH;
        double width = lifetime(entry) / end * WIDTH;
        int is_good = entry->known & CNPROC_KNOWN_EXIT_CODE && entry->exit_code == 0;

        fprintf(file, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\"><title>",
                x, y + 2, width > 0.5 ? width : 0.5, ROW - 4, is_good ? "#7ac" : "#d66");
        fprintf(file, "pid %d, %.3f s, %s</title></rect>\n<text x=\"%.2f\" y=\"%d\">",
                (int)entry->pid, lifetime(entry), how(entry, text, sizeof text), x + 4,
                y + ROW - 4);
        write_text(file, processes[at].command);
        fprintf(file, "</text>\n");
    }
    fprintf(file, "</svg>\n");
    return fclose(file) == 0 ? 0 : -errno;
}

static int run(char **command)
{
    struct cnproc_tracker_options options;
    struct sigaction action;
    int ret;

    memset(&options, 0, sizeof options);
    options.scope = CNPROC_SCOPE_DESCENDANTS;
    options.flags = CNPROC_TRACK_CMDLINE;
    /* A process can have exited before its child's FORK is applied. */
    options.keep_ended = 1024;
    ret = cnproc_tracker_open(&t, &options, sizeof options);
    if (ret < 0)
        return ret;
    /* Ctrl-C ends the command, too: exec resets what has a handler. */
    memset(&action, 0, sizeof action);
    action.sa_handler = on_sigint;
    sigaction(SIGINT, &action, NULL);
    ret = start(command);
    if (ret == 0)
        ret = watch();
    signal(SIGINT, SIG_DFL);
    cnproc_tracker_close(t);
    return ret;
}

int main(int argc, char **argv)
{
    int is_drawn = argc > 3 && strcmp(argv[1], "--svg") == 0;
    int ret;

    if (argc < 2 || (argv[1][0] == '-' && !is_drawn)) {
        fprintf(stderr, "usage: process_tree [--svg FILE] COMMAND [ARGUMENT...]\n");
        return EXIT_FAILURE;
    }
    ret = grow();
    if (ret == 0) {
        memset(&processes[count++], 0, sizeof *processes);
        ret = run(argv + (is_drawn ? 3 : 1));
    }
    if (ret >= 0 && count > 1) {
        print_tree();
        ret = is_drawn ? draw(argv[2]) : 0;
    }
    free(processes);
    if (ret < 0) {
        fprintf(stderr, "process_tree: %s\n", cnproc_strerror(ret));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

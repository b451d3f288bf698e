/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A datagram as C reads it with the kernel's own headers and macros: the oracle that the library is
 * compared with. It shares nothing with the library.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <linux/netlink.h>
/* After netlink.h, whose types it needs in some versions. */
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* One message of a datagram. */
struct message {
    enum { EVENT, NOOP, ERROR, OVERRUN, FOREIGN, UNKNOWN, BAD } kind;
    const char *layer; /* BAD: the struct that could not be read, and where it begins */
    size_t offset;
    int error;
    unsigned type;
    struct cb_id id; /* of cn_msg; EVENT, FOREIGN */
    unsigned seq, ack, len;
    struct proc_event event;
};

/* Before Linux 3.2 the union had 16 bytes. */
#define SIZE_BEFORE_3_2 (offsetof(struct proc_event, event_data) + 16)

static void bad(struct message *message, const char *layer, size_t offset)
{
    message->kind = BAD;
    message->layer = layer;
    message->offset = offset;
}

static void read_connector(struct message *message, const unsigned char *data, size_t len, size_t at)
{
    const struct cn_msg *header = (const void *)data;
    struct proc_event *event = &message->event;

    if (len < sizeof *header || header->len > len - sizeof *header) {
        bad(message, "cn_msg", at);
        return;
    }
    message->id = header->id;
    message->seq = header->seq;
    message->ack = header->ack;
    message->len = header->len;
    if (header->id.idx != CN_IDX_PROC || header->id.val != CN_VAL_PROC) {
        message->kind = FOREIGN;
        return;
    }
    at += sizeof *header;
    if (header->len < SIZE_BEFORE_3_2) {
        bad(message, "proc_event", at);
        return;
    }
    memset(event, 0, sizeof *event);
    memcpy(event, header->data, header->len >= sizeof *event ? sizeof *event : SIZE_BEFORE_3_2);
    if (event->what == PROC_EVENT_COMM && header->len < sizeof *event)
        bad(message, "proc_event", at);
    else
        message->kind = EVENT;
}

/* Reads the message at *at, and moves *at past it. 0: there is none. `buf` is aligned. */
static int next_message(const unsigned char *buf, size_t len, size_t *at, struct message *message)
{
    const struct nlmsghdr *header = (const void *)(buf + *at);
    int rest = (int)(len - *at);
    size_t begin = *at, payload;

    if (rest == 0)
        return 0;
    if (!NLMSG_OK(header, rest)) {
        bad(message, "nlmsghdr", begin);
        *at = len;
        return 1;
    }
    payload = header->nlmsg_len - NLMSG_HDRLEN;
    *at += NLMSG_ALIGN(header->nlmsg_len);
    if (*at > len)
        *at = len;
    message->type = header->nlmsg_type;
    switch (header->nlmsg_type) {
    case NLMSG_DONE:
        read_connector(message, NLMSG_DATA(header), payload, begin + NLMSG_HDRLEN);
        break;
    case NLMSG_NOOP:
        message->kind = NOOP;
        break;
    case NLMSG_OVERRUN:
        message->kind = OVERRUN;
        break;
    case NLMSG_ERROR:
        if (payload < sizeof message->error) {
            bad(message, "nlmsghdr", begin);
        } else {
            message->kind = ERROR;
            memcpy(&message->error, NLMSG_DATA(header), sizeof message->error);
        }
        break;
    default:
        message->kind = UNKNOWN;
    }
    return 1;
}

static void print_bytes(FILE *out, const char *name, const void *bytes, size_t len)
{
    const unsigned char *byte = bytes;

    fprintf(out, " %s=", name);
    while (len--)
        fprintf(out, "%02x", *byte++);
}

/* Members as name=value, in the order of the kernel's header. */
static void print_event(FILE *out, const struct message *message)
{
    const struct proc_event *event = &message->event;

#define SIGNED(of, member) fprintf(out, " " #member "=%d", (int)event->event_data.of.member)
#define UNSIGNED(of, member) fprintf(out, " " #member "=%u", (unsigned)event->event_data.of.member)
    fprintf(out, "event what=0x%x cpu=%u timestamp_ns=%llu seq=%u ack=%u size=%u",
            (unsigned)event->what, event->cpu, (unsigned long long)event->timestamp_ns,
            message->seq, message->ack, message->len);
    switch ((unsigned)event->what) {
    case PROC_EVENT_NONE:
        UNSIGNED(ack, err);
        break;
    case PROC_EVENT_FORK:
        SIGNED(fork, parent_pid), SIGNED(fork, parent_tgid);
        SIGNED(fork, child_pid), SIGNED(fork, child_tgid);
        break;
    case PROC_EVENT_EXEC:
        SIGNED(exec, process_pid), SIGNED(exec, process_tgid);
        break;
    case PROC_EVENT_UID:
        SIGNED(id, process_pid), SIGNED(id, process_tgid);
        fprintf(out, " ruid=%u euid=%u", event->event_data.id.r.ruid, event->event_data.id.e.euid);
        break;
    case PROC_EVENT_GID:
        SIGNED(id, process_pid), SIGNED(id, process_tgid);
        fprintf(out, " rgid=%u egid=%u", event->event_data.id.r.rgid, event->event_data.id.e.egid);
        break;
    case PROC_EVENT_SID:
        SIGNED(sid, process_pid), SIGNED(sid, process_tgid);
        break;
    case PROC_EVENT_PTRACE:
        SIGNED(ptrace, process_pid), SIGNED(ptrace, process_tgid);
        SIGNED(ptrace, tracer_pid), SIGNED(ptrace, tracer_tgid);
        break;
    case PROC_EVENT_COMM:
        SIGNED(comm, process_pid), SIGNED(comm, process_tgid);
        print_bytes(out, "comm", event->event_data.comm.comm, 16);
        break;
    case PROC_EVENT_COREDUMP:
        SIGNED(coredump, process_pid), SIGNED(coredump, process_tgid);
        SIGNED(coredump, parent_pid), SIGNED(coredump, parent_tgid);
        break;
    case PROC_EVENT_EXIT:
        SIGNED(exit, process_pid), SIGNED(exit, process_tgid);
        UNSIGNED(exit, exit_code), UNSIGNED(exit, exit_signal);
        SIGNED(exit, parent_pid), SIGNED(exit, parent_tgid);
        break;
    default:
        print_bytes(out, "bytes", &event->event_data, sizeof event->event_data);
    }
    fputc('\n', out);
#undef SIGNED
#undef UNSIGNED
}

static void print_message(FILE *out, const struct message *message)
{
    switch (message->kind) {
    case EVENT:
        print_event(out, message);
        break;
    case NOOP:
        fputs("noop\n", out);
        break;
    case ERROR:
        fprintf(out, "error %d\n", message->error);
        break;
    case OVERRUN:
        fputs("overrun\n", out);
        break;
    case FOREIGN:
        fprintf(out, "foreign idx=%u val=%u\n", message->id.idx, message->id.val);
        break;
    case UNKNOWN:
        fprintf(out, "unknown type=%u\n", message->type);
        break;
    case BAD:
        fprintf(out, "bad %s offset=%zu\n", message->layer, message->offset);
        break;
    }
}

/* A line for each message. */
static void describe(FILE *out, const unsigned char *buf, size_t len)
{
    struct message message;
    size_t at = 0;

    while (next_message(buf, len, &at, &message))
        print_message(out, &message);
}

#endif

# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tracker: its changes and its table."""

import asyncio
import errno
import os
import subprocess
import threading
import unittest

from cnproc import ChangeType, Error, EventType, Identity, Known, Resumed, Scope, Source, Tracker
from live import child, error_of_wait_after_close

NO_PID = 2**31 - 1


def shell(script):
    """A shell that runs a script. It reads from a pipe, which the end of the with closes."""
    return subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE)


def until(tracker, wanted):
    """The changes up to the first that the condition accepts."""
    changes = []
    while not changes or not wanted(changes[-1]):
        changes.append(tracker.recv())
    return changes


def is_synced(change):
    return change.type == ChangeType.SYNCED


def is_of(pid, type):
    return lambda change: change.type == type and change.process.pid == pid


class Changes(unittest.TestCase):
    def test_child_is_reported_from_its_fork_to_its_exit(self):
        with Tracker(cmdline=True, exe=True, cgroup=True, text_bytes=4096) as tracker:
            until(tracker, is_synced)
            with shell("read x; exit 7") as process:
                changes = until(tracker, is_of(process.pid, ChangeType.EXECUTED))
                executed = changes[-1].process
                self.assertEqual(executed.creator_id, tracker[os.getpid()].id)
                self.assertEqual(tracker[process.pid].ppid, os.getpid())
                self.assertIn(Known.CMDLINE | Known.EXE | Known.CGROUP, executed.known)
                self.assertEqual(tracker.cmdline(executed.id), ["sh", "-c", "read x; exit 7"])
                self.assertEqual(tracker.exe(executed.id), os.readlink(f"/proc/{process.pid}/exe"))
                with open(f"/proc/{process.pid}/cgroup") as cgroup:
                    self.assertEqual(tracker.cgroup(executed.id), cgroup.read())
                with tracker.process(executed.id) as found:
                    self.assertEqual(found.identity, Identity.PROVEN)
                    self.assertEqual(found.status.ppid, os.getpid())
            changes += until(tracker, is_of(process.pid, ChangeType.EXITED))
            # The table is as of this change.
            self.assertNotIn(process.pid, tracker)
            self.assertEqual(tracker.by_id(executed.id).exit_code, changes[-1].process.exit_code)
            self.assertEqual(tracker.cmdline(executed.id), ["sh", "-c", "read x; exit 7"])
            with self.assertRaises(ProcessLookupError):
                tracker.process(executed.id)
            tracker.resync()
            changes += until(tracker, is_synced)
        own = [change for change in changes if change.process and change.process.id == executed.id]
        life = (ChangeType.STARTED, ChangeType.EXECUTED, ChangeType.EXITED)
        started, executed, exited = (change for change in own if change.type in life)
        self.assertEqual((started.type, executed.type, exited.type), life)
        self.assertEqual(exited.process.exit_code, 7 << 8)
        self.assertEqual((started.process.exit_code, started.process.exit_ns), (None, None))
        self.assertEqual(executed.process.exec_ns, executed.event.timestamp_ns)
        self.assertGreaterEqual(exited.process.exit_ns, executed.process.exec_ns)
        events = [change.event.type for change in (started, executed, exited)]
        self.assertEqual(events, [EventType.FORK, EventType.EXEC, EventType.EXIT])
        self.assertFalse(any(change.is_inferred for change in (started, executed, exited)))

    def test_first_changes_are_the_table(self):
        with Tracker() as tracker:
            self.assertTrue(tracker)
            self.assertEqual(len(tracker), 0)
            table = {}
            for change in until(tracker, is_synced):
                if change.type == ChangeType.EXITED:
                    del table[change.process.id]
                elif change.process:
                    table[change.process.id] = change.process.pid
            self.assertEqual({entry.id: entry.pid for entry in tracker.entries()}, table)
            self.assertEqual(len(tracker), len(table))
            self.assertIn(os.getpid(), tracker)
            self.assertEqual(set(table.values()) & {1, os.getpid()}, {1, os.getpid()})

    def test_members_that_are_not_known_are_none(self):
        with Tracker() as tracker:
            found = next(c for c in tracker if c.process and c.process.pid == os.getpid())
            until(tracker, is_synced)
            entry = tracker[os.getpid()]
        self.assertEqual((found.type, found.is_inferred, found.event), (ChangeType.FOUND, True, None))
        self.assertEqual((entry.creator_id, entry.exec_ns, entry.exit_ns, entry.exit_code), (None, None, None, None))
        self.assertEqual((entry.ppid, entry.sid), (os.getppid(), os.getsid(0)))
        self.assertEqual((entry.ruid, entry.euid, entry.rgid, entry.egid), os.getresuid()[:2] + os.getresgid()[:2])
        with open("/proc/self/comm") as comm:
            self.assertEqual(entry.comm + "\n", comm.read())

    def test_text_of_an_earlier_program_is_none(self):
        with Tracker(cmdline=True) as tracker:
            until(tracker, is_synced)
            own = tracker[os.getpid()]
            self.assertIsNotNone(tracker.cmdline(own.id))
            self.assertIsNone(tracker.exe(own.id))
            # It has exited before its exec is applied: what is kept is what it inherited.
            process = subprocess.Popen(["true"])
            process.wait()
            exited = until(tracker, is_of(process.pid, ChangeType.EXITED))[-1].process
            self.assertNotIn(Known.CMDLINE, exited.known)
            self.assertIsNone(tracker.cmdline(exited.id))

    def test_scope_of_descendants_has_only_those_of_the_chosen(self):
        with Tracker(Scope.DESCENDANTS) as tracker:
            with shell("read x; sh -c 'exit 3'; exit 7") as chosen, shell("read x; exit 5") as other:
                tracker.add(chosen.pid)
                self.assertNotIn(other.pid, tracker)
            changes = until(tracker, is_of(chosen.pid, ChangeType.EXITED))
            tracker.resync()
            changes += until(tracker, is_synced)
            self.assertEqual(list(tracker.entries()), [])
        changes = [change for change in changes if change.process]
        root = changes[0].process
        self.assertEqual(root.pid, chosen.pid)
        self.assertEqual({change.process.creator_id for change in changes if change.process.id != root.id}, {root.id})
        exits = [change.process.exit_code for change in changes if change.type == ChangeType.EXITED]
        self.assertEqual(exits, [3 << 8, 7 << 8])

    def test_raw_events_come_before_their_changes(self):
        with Tracker(raw=True) as tracker:
            until(tracker, is_synced)
            pid = child(0)
            event, started = until(tracker, is_of(pid, ChangeType.STARTED))[-2:]
        self.assertEqual((event.type, event.process), (ChangeType.EVENT, None))
        self.assertEqual((event.event.type, event.event.data), (EventType.FORK, started.event.data))
        self.assertEqual(event.event.data.child_tgid, pid)

    def test_loss_is_counted_and_the_table_repaired(self):
        with Tracker(Scope.CHOSEN, receive_buffer=65536) as tracker:
            until(tracker, is_synced)
            # A FORK and an EXIT each, and 157 events fit.
            for _ in range(200):
                child(0)
            lost = until(tracker, lambda change: change.type == ChangeType.LOST)[-1]
            self.assertGreater(lost.count, 0)
            until(tracker, is_synced)
            self.assertGreaterEqual(tracker.stats.listener.lost, lost.count)

    def test_full_table_is_an_error_and_the_tracker_goes_on(self):
        errors = []
        exited = None
        with shell("read x; sh -c 'exit 3'; exit 7") as process, shell("read x") as other:
            tracker = Tracker(Scope.DESCENDANTS, max_processes=1)
            tracker.add(process.pid)
            with self.assertRaises(OSError) as full:
                tracker.add(other.pid)
            self.assertEqual(full.exception.errno, Error.EFULL)
        with tracker:
            while not exited:
                try:
                    exited = until(tracker, is_of(process.pid, ChangeType.EXITED))[-1]
                except OSError as error:
                    errors.append(error)
        self.assertEqual(exited.process.exit_code, 7 << 8)
        self.assertEqual({error.errno for error in errors}, {Error.EFULL})
        self.assertIn("full", errors[0].strerror)


class Waiting(unittest.TestCase):
    def test_wake_from_another_thread_ends_the_iteration(self):
        with Tracker(Scope.CHOSEN) as tracker:
            thread = threading.Thread(target=tracker.wake)
            thread.start()
            for change in tracker:
                self.assertTrue(is_synced(change))
            thread.join()

    def test_timeout_returns_none(self):
        with Tracker(Scope.CHOSEN) as tracker:
            until(tracker, is_synced)
            for timeout in (0, 0.01):
                # Another comparison is due to other listeners.
                while (change := tracker.recv(timeout)) is not None:
                    self.assertTrue(is_synced(change))

    def test_asynchronous_iterator_yields_changes_and_can_be_cancelled(self):
        async def main():
            with Tracker() as tracker:
                waiting = asyncio.ensure_future(first(tracker, lambda change: False))
                await asyncio.sleep(0)
                waiting.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await waiting
                pid = child(4)
                return await first(tracker, is_of(pid, ChangeType.EXITED))

        self.assertEqual(asyncio.run(main()).process.exit_code, 4 << 8)

    def test_change_without_an_event_wakes_the_asynchronous_iterator(self):
        async def main():
            with Tracker(Scope.CHOSEN) as tracker:
                waiting = asyncio.ensure_future(first(tracker, is_of(os.getpid(), ChangeType.FOUND)))
                await asyncio.sleep(0)
                tracker.add(os.getpid())
                # The iterator's next step is due without another event.
                for _ in range(3):
                    await asyncio.sleep(0)
                self.assertTrue(waiting.done())
                return waiting.result()

        self.assertEqual(asyncio.run(main()).process.ruid, os.getuid())

    def test_close_ends_the_wait_of_the_asynchronous_iterator(self):
        raised = asyncio.run(error_of_wait_after_close(Tracker(Scope.CHOSEN)))
        self.assertEqual(raised, errno.EINVAL)


async def first(tracker, wanted):
    async for change in tracker:
        if wanted(change):
            return change


class Table(unittest.TestCase):
    def test_process_that_is_not_there_is_a_lookup_error(self):
        with Tracker(cmdline=True) as tracker:
            until(tracker, is_synced)
            self.assertNotIn(NO_PID, tracker)
            self.assertIsNone(tracker.get(NO_PID))
            self.assertIsNone(tracker.by_id(2**64 - 1))
            with self.assertRaises(KeyError):
                tracker[NO_PID]
            for call in (tracker.cmdline, tracker.exe, tracker.cgroup, tracker.process):
                with self.assertRaises(ProcessLookupError):
                    call(2**64 - 1)

    def test_add_of_a_pid_that_is_not_there_is_a_lookup_error(self):
        with Tracker(Scope.CHOSEN) as tracker:
            with self.assertRaises(ProcessLookupError):
                tracker.add(NO_PID)

    def test_statistics_have_the_table_and_the_listener(self):
        with Tracker(cmdline=True) as tracker:
            until(tracker, is_synced)
            self.assertEqual(tracker.stats.processes, len(list(tracker.entries())))
            self.assertEqual((tracker.stats.listener.source, tracker.stats.listener.ring_error), (Source.SOCKET, None))
            self.assertGreater(tracker.stats.memory_bytes, 0)
            before = tracker.stats.resyncs
            tracker.resync()
            until(tracker, is_synced)
            self.assertGreater(tracker.stats.resyncs, before)
            self.assertEqual(tracker.resume(), Resumed.ALREADY_ON)

    def test_source_is_the_ring_or_there_is_a_reason(self):
        with Tracker(ring=True) as tracker:
            pid = child(6)
            exited = until(tracker, is_of(pid, ChangeType.EXITED))[-1]
            listener = tracker.stats.listener
        self.assertEqual(exited.process.exit_code, 6 << 8)
        self.assertEqual(listener.source == Source.RING, listener.ring_error is None)

    def test_closed_tracker_raises(self):
        tracker = Tracker()
        descriptor = tracker.fileno()
        tracker.close()
        tracker.close()
        for call in (tracker.recv, tracker.resync, tracker.resume, lambda: len(tracker), lambda: tracker.get(1)):
            with self.assertRaises(OSError) as raised:
                call()
            self.assertEqual(raised.exception.errno, errno.EINVAL)
        with self.assertRaises(OSError):
            os.fstat(descriptor)

    def test_error_has_the_library_s_sentence(self):
        with self.assertRaisesRegex(OSError, "argument"):
            Tracker(text_bytes=65537)


if __name__ == "__main__":
    unittest.main()

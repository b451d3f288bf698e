# SPDX-License-Identifier: MIT OR Apache-2.0
"""The listener, and processes of events."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import cnproc
from cnproc import Error, EventType, Identity, Listener, Resumed, Source
from live import child, error_of_wait_after_close


class Events(unittest.TestCase):
    def test_iterator_yields_fork_and_exit_of_a_child(self):
        with Listener(EventType.FORK | EventType.EXIT) as listener:
            pid = child(3)
            mine = (e for e in listener if pid in (getattr(e.data, "child_pid", 0), getattr(e.data, "process_pid", 0)))
            fork, end = next(mine), next(mine)
        self.assertEqual((fork.type, fork.data.parent_tgid), (EventType.FORK, os.getpid()))
        self.assertEqual(end.type, EventType.EXIT)
        self.assertEqual(os.WEXITSTATUS(end.data.exit_code), 3)
        self.assertGreaterEqual(end.timestamp_ns, fork.timestamp_ns)
        self.assertEqual(str(end), f"exit: tid={pid} pid={pid} exit_code=768")
        self.assertFalse(end.is_thread)
        self.assertEqual([(e.pid, e.tgid) for e in (fork, end)], [(pid, pid)] * 2)

    def test_name_is_bytes_and_thread_is_marked(self):
        def rename():
            with open(f"/proc/self/task/{threading.get_native_id()}/comm", "wb") as comm:
                comm.write(b"caf\xe9")

        with Listener(EventType.COMM) as listener:
            thread = threading.Thread(target=rename)
            thread.start()
            event = next(e for e in listener if e.data.process_tgid == os.getpid())
            thread.join()
        self.assertEqual(event.data.comm, b"caf\xe9")
        self.assertTrue(event.is_thread)

    def test_wake_from_another_thread_ends_the_iteration(self):
        with Listener(EventType.SID) as listener:
            thread = threading.Thread(target=listener.wake)
            thread.start()
            for event in listener:
                self.assertEqual(event.type, EventType.SID)
            thread.join()

    def test_ids_are_members_of_their_type(self):
        def change():
            pid = os.fork()
            if pid == 0:
                os.setresgid(4711, 4712, -1)
                os._exit(0)
            os.waitpid(pid, 0)
            return pid

        if os.geteuid() != 0:
            self.skipTest("requires root")
        with Listener(EventType.GID) as listener:
            pid = change()
            event = next(e for e in listener if e.data.process_tgid == pid)
        self.assertEqual((event.data.rgid, event.data.egid), (4711, 4712))

    def test_asynchronous_iterator_yields_events_and_can_be_cancelled(self):
        async def first_exit(listener, statuses):
            async for event in listener:
                if event.data.process_pid in statuses:
                    return event

        async def main():
            with Listener(EventType.EXIT) as listener:
                waiting = asyncio.ensure_future(first_exit(listener, {}))
                await asyncio.sleep(0)
                waiting.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await waiting
                pids = {child(status): status for status in (4, 5)}
                return pids, await first_exit(listener, pids)

        pids, event = asyncio.run(main())
        self.assertEqual(os.WEXITSTATUS(event.data.exit_code), pids[event.data.process_pid])

    def test_close_ends_the_wait_of_the_asynchronous_iterator(self):
        raised = asyncio.run(error_of_wait_after_close(Listener(EventType.COREDUMP)))
        self.assertEqual(raised, errno.EINVAL)

    def test_events_that_process_read_ahead_wake_the_asynchronous_iterator(self):
        async def next_session(listener, pids):
            async for event in listener:
                if event.data.process_pid in pids:
                    return event

        def start():
            return subprocess.Popen(["sleep", "1000000"], start_new_session=True)

        async def main():
            with Listener(EventType.SID) as listener:
                sleepers = [start()]
                try:
                    first = await next_session(listener, [sleepers[0].pid])
                    pids = []
                    waiting = asyncio.ensure_future(next_session(listener, pids))
                    await asyncio.sleep(0)
                    # Before the loop looks at the descriptor again, an event arrives and is read ahead.
                    sleepers.append(start())
                    pids.append(sleepers[1].pid)
                    listener.process(first).close()
                    # The iterator's next step is due without another event.
                    for _ in range(3):
                        await asyncio.sleep(0)
                    self.assertTrue(waiting.done())
                    return waiting.result()
                finally:
                    for sleeper in sleepers:
                        sleeper.kill()
                        sleeper.wait()

        self.assertEqual(asyncio.run(main()).type, EventType.SID)

    def test_timeout_returns_only_what_was_asked_for(self):
        with Listener(EventType.COREDUMP) as listener:
            child(0)
            # Nothing, unless a program dumps core at this moment.
            for timeout in (0, 0.01):
                self.assertLessEqual({e.type for e in listener.recv(timeout)}, {EventType.COREDUMP})

    def test_exception_of_a_signal_handler_ends_the_wait(self):
        program = (
            "import cnproc\n"
            "with cnproc.Listener(cnproc.EventType.COREDUMP) as listener:\n"
            "    print('waiting', flush=True)\n"
            "    for event in listener: pass\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.assertEqual(process.stdout.readline(), "waiting\n")
        while process.poll() is None:
            # Again and again: the first may come just before the wait begins.
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        _, errors = process.communicate()
        self.assertIn("KeyboardInterrupt", errors)


class Processes(unittest.TestCase):
    def test_process_of_an_exec_has_its_command_line(self):
        with Listener() as listener:
            process = subprocess.Popen(["sleep", "1000000"])
            try:
                event = next(e for e in listener if e.type == EventType.EXEC and e.data.process_tgid == process.pid)
                with listener.process(event) as found:
                    self.assertEqual(found.cmdline, ["sleep", "1000000"])
                    self.assertEqual(found.exe, os.path.realpath(f"/proc/{process.pid}/exe"))
                    self.assertEqual(found.cwd, os.getcwd())
                    self.assertEqual(found.comm, "sleep")
                    self.assertIn(found.identity, Identity)
                    self.assertEqual(found.status.ppid, os.getpid())
                    self.assertEqual(found.environ["PATH"], os.environ["PATH"])
                    self.assertEqual(found.nspid, process.pid)
                    directory = found.dirfd()
                    with open(os.open("comm", os.O_RDONLY, dir_fd=directory)) as comm:
                        self.assertEqual(comm.read(), "sleep\n")
                    os.close(directory)
                    self.assertTrue(found.cgroup.endswith("\n"))
                    os.close(found.pidfd())
                with self.assertRaises(OSError):
                    found.comm
            finally:
                process.kill()
                process.wait()

    def test_process_of_a_pid_is_found_without_an_event(self):
        with Listener() as listener, listener.process_of_pid(os.getpid()) as found:
            self.assertEqual(found.identity, Identity.PROVEN)
            self.assertEqual(found.status.ppid, os.getppid())

    def test_process_that_is_gone_is_a_lookup_error(self):
        with Listener(EventType.FORK) as listener:
            pid = child(0)
            event = next(e for e in listener if e.data.child_pid == pid)
            with self.assertRaises(ProcessLookupError):
                listener.process(event)


class Handle(unittest.TestCase):
    def test_statistics_count_what_was_delivered(self):
        with Listener(EventType.FORK | EventType.EXIT) as listener:
            child(0)
            count = len(listener.recv())
            self.assertEqual(listener.stats.delivered, count)
            listener.set_events(EventType.EXIT)
            self.assertEqual(listener.stats.events, EventType.EXIT)
            self.assertEqual(listener.resume(), Resumed.ALREADY_ON)

    def test_source_is_the_socket_unless_a_ring_is_asked_for(self):
        with Listener(EventType.FORK) as listener:
            self.assertEqual((listener.stats.source, listener.stats.ring_error), (Source.SOCKET, None))

    def test_source_is_the_ring_or_there_is_a_reason(self):
        with Listener(EventType.EXIT, ring=True) as listener:
            stats = listener.stats
            pid = child(6)
            end = next(e for e in listener if e.data.process_pid == pid)
        self.assertEqual(os.WEXITSTATUS(end.data.exit_code), 6)
        if stats.source == Source.RING:
            self.assertIsNone(stats.ring_error)
        else:
            self.assertIsInstance(stats.ring_error, OSError)
            self.assertTrue(stats.ring_error.strerror)

    def test_ring_without_capabilities_has_its_reason(self):
        if os.geteuid() != 0:
            self.skipTest("requires root")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
                reason = self.reason_for_no_ring()
                os.write(writing, f"{reason.errno} {reason.strerror}".encode())
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading) as reasons:
            number, sentence = reasons.read().split(" ", 1)
        os.waitpid(pid, 0)
        # EPERM: before Linux 6.6 there is no listener either.
        self.assertIn(int(number), (Error.ERINGPERM, Error.ENORING, Error.EPERM))
        self.assertTrue(sentence)

    def reason_for_no_ring(self):
        try:
            with Listener(ring=True) as listener:
                return listener.stats.ring_error
        except OSError as refused:
            return refused

    def test_closed_listener_raises(self):
        listener = Listener()
        descriptor = listener.fileno()
        listener.close()
        listener.close()
        with self.assertRaises(OSError):
            listener.recv()
        with self.assertRaises(OSError):
            os.fstat(descriptor)

    def test_error_has_the_library_s_sentence(self):
        with self.assertRaisesRegex(OSError, "argument"):
            Listener(events=0x400)

    def test_diagnosis_has_the_library_s_number(self):
        if os.geteuid() != 0:
            self.skipTest("requires root")
        program = "import cnproc\ntry: cnproc.Listener()\nexcept OSError as e: print(cnproc.Error(e.errno).name, e.strerror)"
        output = subprocess.check_output(["unshare", "--net", sys.executable, "-c", program], text=True)
        self.assertRegex(output, "^ENETNS .*network namespace")

    def test_version_is_the_library_s(self):
        self.assertRegex(cnproc.version(), r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()

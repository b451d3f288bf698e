# SPDX-License-Identifier: MIT OR Apache-2.0
"""Loads the library whose path is the argument, and receives the exit of a child of this process."""
import ctypes
import errno
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p

EXIT = 0x80000000
LOST = 0xffffffff
# Exit statuses: skipped, and spoilt by other programs.
SKIP, DISTURBED = 77, 75
HANG_LIMIT_MS = 600 * 1000
# ENOCONNECTOR, ENOPROCEVENTS, ENETNS, EUSERNS, EPIDNS, EPERM, ESANDBOX: no process like this one can listen here.
IMPOSSIBLE = range(4001, 4008)


class Options(ctypes.Structure):
    _fields_ = [("flags", c_uint64), ("events", c_uint32), ("receive_buffer", c_uint32),
                ("ack_timeout_ms", c_uint32), ("reserved", c_uint32)]


class Event(ctypes.Structure):
    _fields_ = [("what", c_uint32), ("cpu", c_uint32), ("timestamp_ns", c_uint64),
                ("event_data", c_uint32 * 6), ("seq", c_uint32), ("ack", c_uint32),
                ("size", c_uint32), ("reserved", c_uint32 * 3)]


cnproc = ctypes.CDLL(sys.argv[1])
cnproc.cnproc_open.argtypes = [POINTER(c_void_p), POINTER(Options), c_size_t]
cnproc.cnproc_recv.argtypes = [c_void_p, POINTER(Event), c_size_t, c_int]
cnproc.cnproc_strerror.restype = c_char_p
cnproc.cnproc_close.argtypes = [c_void_p]
cnproc.cnproc_close.restype = None


def checked(ret):
    if ret < 0:
        sys.exit(cnproc.cnproc_strerror(ret).decode())
    return ret


assert ctypes.sizeof(Event) == 64
assert cnproc.cnproc_open(None, None, 0) == -errno.EINVAL

handle, options, event = c_void_p(), Options(events=EXIT), Event()
ret = cnproc.cnproc_open(byref(handle), byref(options), ctypes.sizeof(options))
if -ret in IMPOSSIBLE:
    print("no listener:", cnproc.cnproc_strerror(ret).decode(), file=sys.stderr)
    sys.exit(SKIP)
checked(ret)
child = os.fork()
if child == 0:
    os._exit(3)
while True:
    if checked(cnproc.cnproc_recv(handle, byref(event), 1, HANG_LIMIT_MS)) == 0:
        sys.exit("no event")
    if event.what == LOST:
        sys.exit(DISTURBED)
    pid, tgid, code = event.event_data[:3]
    if event.what == EXIT and pid == child:
        break
os.waitpid(child, 0)
cnproc.cnproc_close(handle)
assert (tgid, code, event.size) == (child, 3 << 8, 40), (tgid, code, event.size)

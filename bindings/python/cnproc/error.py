# SPDX-License-Identifier: MIT OR Apache-2.0
"""The library's error numbers, as OSError."""

import enum

from ._binding import ffi, lib

Error = enum.IntEnum(
    "Error",
    {
        name[len("CNPROC_") :]: getattr(lib, name)
        for name in dir(lib)
        if name.startswith("CNPROC_E") and not name.startswith("CNPROC_EVENT_")
    },
)
Error.__doc__ = "The numbers in OSError.errno that are not the system's, such as ENETNS: in another network namespace."


def error_of(number):
    """The OSError that a negative result of the library stands for: PermissionError, ProcessLookupError, and so on."""
    kind = PermissionError if -number == lib.CNPROC_EPERM else OSError
    return kind(-number, ffi.string(lib.cnproc_strerror(number)).decode())


def check(result):
    """A result of the library. Raises its error if it is negative."""
    if result < 0:
        raise error_of(result)
    return result

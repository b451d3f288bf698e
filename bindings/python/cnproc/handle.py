# SPDX-License-Identifier: MIT OR Apache-2.0
"""Handles of the library."""

from ._binding import ffi


class Handle:
    """A handle of the library, which it also closes when it is garbage. A context manager."""

    def __init__(self, handle, close):
        self._handle = ffi.gc(handle, close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the handle. Further use raises OSError (EINVAL)."""
        if self._handle:
            ffi.release(self._handle)
        self._handle = ffi.NULL

# SPDX-License-Identifier: MIT OR Apache-2.0
"""Waiting for a handle: with a timeout, and in an event loop."""

import asyncio
import errno
import math
import time

from .error import check


def receive(function, timeout):
    """The result of a receiving function, which takes a timeout in milliseconds, -1 for none; ``timeout`` is in
    seconds, None for none.

    A signal handler of Python runs, and may raise; if it does not, the wait continues.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = -1
        if deadline is not None:
            left = min(max(0, math.ceil((deadline - time.monotonic()) * 1000)), 2**31 - 1)
        result = function(left)
        if result != -errno.EINTR:
            return check(result)


class Readiness:
    """Where an asynchronous iterator waits until there may be something to receive."""

    def __init__(self):
        self._end = None

    async def wait(self, descriptor):
        """Waits until the descriptor is readable, or look_again() is called."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def end():
            self._end = None
            loop.remove_reader(descriptor)
            if not ended.done():
                ended.set_result(None)

        self._end = end
        loop.add_reader(descriptor, end)
        try:
            await ended
        finally:
            if self._end is end:
                end()

    def look_again(self):
        """Ends the wait. Needed after a call that may have read events from the socket, because those no longer make
        the descriptor readable, and before the descriptor is closed."""
        if self._end:
            self._end()

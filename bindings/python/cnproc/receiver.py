# SPDX-License-Identifier: MIT OR Apache-2.0
"""What listeners and trackers have in common."""

from .error import check
from .handle import Handle
from .waiting import Readiness


class Receiver(Handle):
    """A handle that receives, also in an event loop."""

    def __init__(self, handle, close):
        super().__init__(handle, close)
        self._readiness = Readiness()

    def close(self):
        """Stops receiving. Further use, and the wait of an asynchronous iterator, raises OSError (EINVAL)."""
        self._readiness.look_again()
        super().close()

    def _checked(self, result):
        """The result of a function after which there may be something to receive without a new event."""
        self._readiness.look_again()
        return check(result)

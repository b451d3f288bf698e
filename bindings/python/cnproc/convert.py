# SPDX-License-Identifier: MIT OR Apache-2.0
"""Structs and texts of C as values of Python."""

import os
from types import SimpleNamespace

from ._binding import ffi
from .error import check


def members(struct):
    """A C struct as a namespace, its unions' bytes and names of at most 16 bytes as bytes."""
    values = {}
    for name, field in ffi.typeof(struct).fields:
        value = getattr(struct, name)
        if name == "reserved":
            continue
        if field.type.kind == "union":
            # The real or the effective id: one number, whichever of its two names is used.
            values |= {inner: getattr(value, inner) for inner, _ in field.type.fields}
        elif field.type.kind == "array":
            values[name] = ffi.string(value) if field.type.item.cname == "char" else list(value)
        else:
            values[name] = value
    return SimpleNamespace(**values)


def text(function, *arguments):
    """The bytes that a function of the library writes as snprintf does."""
    length = check(function(*arguments, ffi.NULL, 0))
    while True:
        buffer = ffi.new("char[]", length + 1)
        needed = check(function(*arguments, buffer, length + 1))
        if needed <= length:
            return ffi.buffer(buffer, needed)[:]
        length = needed


def strings(data):
    """A list of the strings that each end with a NUL."""
    return [os.fsdecode(string) for string in data.removesuffix(b"\0").split(b"\0")] if data else []

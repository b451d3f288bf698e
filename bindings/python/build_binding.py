# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compiles the module cnproc._binding from the installed cnproc.h, which pkg-config locates."""

import re
import shlex
import subprocess

from cffi import FFI


def pkg_config(*arguments):
    output = subprocess.run(["pkg-config", *arguments, "cnproc"], check=True, stdout=subprocess.PIPE, text=True)
    return output.stdout.strip()


def declarations(header):
    """The declarations of the header in the form that cffi reads; the compiler supplies the constants' values."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    constants = re.findall(r"^#define (CNPROC_\w+) +\S", text, flags=re.MULTILINE)
    text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r'^extern "C" \{ *$|^\} *$', "", text, flags=re.MULTILINE)
    return "".join(f"#define {name} ...\n" for name in constants) + text


ffi = FFI()
with open(pkg_config("--variable=includedir") + "/cnproc.h", encoding="utf-8") as header:
    ffi.cdef(declarations(header.read()))
ffi.set_source(
    "cnproc._binding",
    "#include <cnproc.h>",
    extra_compile_args=shlex.split(pkg_config("--cflags")),
    extra_link_args=shlex.split(pkg_config("--libs")),
)

if __name__ == "__main__":
    ffi.compile(verbose=True)

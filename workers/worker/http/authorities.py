"""The certificate authorities of transfers."""

import functools
import os
from pathlib import Path

import certifi


@functools.cache
def authority_file(further: str | None) -> str:
    """Return the path of a file with certifi's authorities and those of `further`.

    libcurl reads one file. The joined one is in memory, so a killed process leaves nothing behind;
    it is made once per process.

    Args:
        further: path of a PEM file, or None.

    Raises:
        OSError: it cannot be read.
    """
    if further is None:
        return certifi.where()
    joined = os.memfd_create("authorities", 0)
    with open(joined, "wb", closefd=False) as file:
        file.write(Path(certifi.where()).read_bytes() + b"\n" + Path(further).read_bytes())
    return f"/proc/self/fd/{joined}"

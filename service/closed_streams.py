"""Standard streams that the caller has closed (`>&-`)."""

import os
import sys


def open_closed_streams() -> None:
    """Open the null device in place of them, for child processes too.

    Otherwise the next pipe or file would get the descriptor of stdout, and with it the log.
    """
    # In the order of their descriptors: the null device gets the lowest that is free.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - by position only
            setattr(sys, name, os.fdopen(descriptor, mode))

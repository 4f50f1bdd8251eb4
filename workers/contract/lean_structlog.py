"""Imports structlog without rich; import this module before structlog.

structlog imports rich where it is installed, to print tracebacks in colours. Here it is, for the
command line, but the log has its tracebacks as text: a quarter of what structlog takes at the start
of each process is left.
"""

import sys

_known = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment] # as the import system has it: not there
try:
    import structlog  # noqa: F401
finally:
    del sys.modules["rich"]
    if _known is not None:
        sys.modules["rich"] = _known

import gc
import sys

# Imports leave no garbage, but many objects to search for some.
gc.disable()
# Nothing here uses TLS. With it, aiohttp would read the certificates of all authorities, and do so
# twice: a quarter of the start.
sys.modules["ssl"] = None  # type: ignore[assignment] # as the import system has it: not there
from sandbox.run import main  # noqa: E402

# They are needed until the end; the last collection would search them all.
gc.freeze()
gc.enable()
raise SystemExit(main())

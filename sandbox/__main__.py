import gc
import sys

# Imports leave no garbage, but many objects to search for some.
gc.disable()
# Two fifths of the start: where there is TLS, which nothing here uses, aiohttp reads the
# certificates of all authorities, twice; where there is rich, structlog imports it for colours.
for _unused in ("ssl", "rich"):
    sys.modules[_unused] = None  # type: ignore[assignment] # as the import system has it: not there
from sandbox.run import main  # noqa: E402

# They are needed until the end; the last collection would search them all.
gc.freeze()
gc.enable()
raise SystemExit(main())

"""Imports what the Manager and the workers need, in the server that forks them."""

import gc
import importlib

from workers.runtime.local.fork_server import PRELOADED

# Imports leave no garbage, but many objects to search for some: a tenth of the time that they take.
gc.disable()
try:
    for name in PRELOADED:
        importlib.import_module(name)
finally:  # the fork server goes on without a module that cannot be imported
    # They are needed until the end, so no collection searches them: the last one would take as long
    # as a fifth of the imports, and one in a child would copy the pages that it shares.
    gc.freeze()
    gc.enable()

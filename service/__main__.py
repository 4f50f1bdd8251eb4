import gc
import os
import sys

# Imports leave no garbage, but many objects to search for some: a tenth of the time that they take.
gc.disable()
# pydantic would read what each installed package says of itself, to find plugins.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
from service.run import main  # noqa: E402

# They are needed until the end; the last collection would search them all.
gc.freeze()
gc.enable()
sys.exit(main())

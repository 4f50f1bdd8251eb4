import gc
import sys

# Imports leave no garbage, but many objects to search for some: a tenth of the time that they take.
gc.disable()
from service.run import main  # noqa: E402

gc.enable()
sys.exit(main())

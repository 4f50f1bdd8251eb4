import sys

from service.run import main

sys.exit(main())

"""The web process: takes jobs over HTTP and shows them. Imports what workers/__init__ lists."""

import workers  # noqa: F401 - before structlog is imported, see workers/contract/lean_structlog.py

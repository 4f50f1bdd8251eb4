"""The states of jobs and of their URLs, as the service names them."""

from typing import Final

PENDING: Final = "pending"
IN_PROGRESS: Final = "in-progress"
COMPLETE: Final = "complete"
FAILED: Final = "failed"

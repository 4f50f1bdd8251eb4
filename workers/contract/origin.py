"""Where a job came from, carried along so that log lines of one request can be found together."""

from typing import NamedTuple


class Origin(NamedTuple):
    """The request that made a job. A tuple, as it travels with every lease.

    Attributes:
        request_id: names it; the log lines of workers repeat it.
        trace_parent: a W3C `traceparent` for what follows from it, or empty. It is sent to the
            job's callback URL, which whoever sent the job has chosen, and to nobody else: sources
            and Imgur are third parties, to whom it would tell which downloads belong together.
    """

    request_id: str
    trace_parent: str = ""

    def log_fields(self) -> dict[str, str]:
        """For the log."""
        fields = {"request_id": self.request_id}
        if self.trace_parent:
            fields["trace_id"] = self.trace_parent.split("-")[1]
        return fields

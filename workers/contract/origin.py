"""The request that submitted a job; correlates the log lines of its processing."""

from typing import NamedTuple


class Origin(NamedTuple):
    """The request that submitted a job. A tuple, as it is part of every lease.

    Attributes:
        request_id: id of the request, repeated in the workers' log lines.
        trace_parent: W3C `traceparent`, or empty. Sent to the job's callback URL only, which the
            client has chosen: to sources and Imgur, third parties, it would disclose which
            downloads belong together.
    """

    request_id: str
    trace_parent: str = ""

    def log_fields(self) -> dict[str, str]:
        """Return the fields of log lines."""
        fields = {"request_id": self.request_id}
        if self.trace_parent:
            fields["trace_id"] = self.trace_parent.split("-")[1]
        return fields

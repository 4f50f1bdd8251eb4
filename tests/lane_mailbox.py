"""A mailbox with the calls of a single lane, which arrive in an `exchange` otherwise."""

from workers.contract.messages.round_trip import Ack, DownloadReport, Report, UploadDecision
from workers.state import mailbox


class Mailbox(mailbox.Mailbox):
    """A mailbox whose leases are ended one by one."""

    def begin_upload(
        self, worker_id: str, token: int, download_report: DownloadReport | None = None
    ) -> UploadDecision:
        """Announce the upload of a lease."""
        with self._changed:
            return self._dispatcher.begin_upload(worker_id, token, download_report)

    def ack(self, worker_id: str, report: Report) -> Ack:
        """End a lease with its outcome."""
        with self._changed:
            return self._dispatcher.end(worker_id, report)

"""Makes the objects of a backend's state, in the process that owns them."""

from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.state_calls import StateObjects
from workers.state.jobs.job_table import JobTable
from workers.state.journal.recovery import Recovery
from workers.state.mailbox import Mailbox
from workers.state.quota.pauses import long_clock
from workers.state.token_store import TokenStore


def make_objects(limits: MailboxLimits) -> StateObjects:
    """Make an empty state."""
    table = JobTable(max_bytes=limits.state_bytes)
    mailbox = Mailbox(table, limits, quota_clock=long_clock)
    return StateObjects(mailbox, table, TokenStore(), Recovery(table, mailbox))

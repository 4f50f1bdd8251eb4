"""The objects of a board's state, made together in the process that owns them."""

from workers.calls import BoardObjects
from workers.imgur.auth import TokenStore
from workers.job_table import JobTable
from workers.journal.recovery import Recovery
from workers.mailbox import Mailbox
from workers.queueing.mailbox_limits import MailboxLimits


def make_objects(limits: MailboxLimits) -> BoardObjects:
    """Make an empty state, whichever engine owns it."""
    table = JobTable(max_bytes=limits.state_bytes)
    mailbox = Mailbox(table, limits)
    return BoardObjects(mailbox, table, TokenStore(), Recovery(table, mailbox))

"""``python -m service.repair_journal``: repairs a damaged journal.

Reads the service's settings, and works on JOURNAL_PATH while no service uses it.
"""

import os
import sys

from service.closed_streams import open_closed_streams
from service.exit_codes import EXIT_DONE, cannot_start
from service.settings.environment import SettingsError, load_settings
from workers import JournalError
from workers.state.journal.repair import repair_journal


def main() -> int:
    """Repair the journal, and print what is lost.

    Returns:
        The exit code: 0 the journal is readable; 2 it could not be repaired.
    """
    open_closed_streams()
    try:
        path = load_settings(os.environ).journal_path
        if path is None:
            return cannot_start("JOURNAL_PATH is not set: there is no journal")
        repair = repair_journal(path)
    except (JournalError, SettingsError) as error:
        return cannot_start(str(error))
    if repair.copy is None:
        sys.stdout.write(f"imgup: {path} is not damaged; nothing was changed\n")
    else:
        sys.stdout.write(
            f"imgup: {path} holds {repair.jobs} jobs now; records that could not be read: "
            f"{repair.lost_records}; the damaged journal is {repair.copy}\n"
        )
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())

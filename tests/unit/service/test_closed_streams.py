"""Processes whose caller has closed some of their standard streams."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.exit_codes import EXIT_CANNOT_START

ROOT = Path(__file__).parents[3]
PIPE = "import os; {}; os._exit(10 + min(os.pipe()))"
# The module alone, without what all of the service wants.
OPEN = "import sys; sys.path.append('service'); from closed_streams import *; open_closed_streams()"


def exit_code(command: list[str], closed: str, **environ: str) -> int:
    shell = ["/bin/sh", "-c", f'exec "$0" "$@" {closed}', *command]
    return subprocess.run(shell, check=False, cwd=ROOT, env=environ).returncode


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_no_pipe_takes_the_place_of_a_closed_stream(closed: str) -> None:
    """The log goes to descriptor 1, whatever that is."""
    opened = PIPE.format(OPEN)

    assert 10 <= exit_code([sys.executable, "-c", PIPE.format("pass")], closed) < 13
    assert exit_code([sys.executable, "-c", opened], closed) >= 13


def test_a_bad_setting_is_no_lost_state_without_stderr() -> None:
    code = exit_code([sys.executable, "-m", "service"], "2>&-", PORT="x")

    assert code == EXIT_CANNOT_START

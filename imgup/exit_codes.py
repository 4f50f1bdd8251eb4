"""Exit codes of the command line; docs/cli.md has the same list."""

from enum import IntEnum

from imgup.errors import ImgupError, ProblemError, UnauthorizedError


class ExitCode(IntEnum):
    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    UNAUTHORIZED = 5
    INTERRUPTED = 130  # 128 and the number of SIGINT, as in shells
    READER_GONE = 141  # the same for SIGPIPE


MEANINGS = """\b
Exit codes:
  0    done; of an upload: all images are at Imgur
  1    some images failed, or entries were set aside
  2    bad usage or input; nothing was sent
  3    the service refused the request; the message says why
  4    the service cannot be reached, or the server is not imgup
  5    no API key, or one that is not valid
  130  interrupted; a job that was sent goes on
  141  the output could not be written: its reader closed it, or the disk is full"""


def exit_code_of(error: ImgupError) -> ExitCode:
    """Return the exit code of a command that fails with this error."""
    if isinstance(error, UnauthorizedError):
        return ExitCode.UNAUTHORIZED
    return ExitCode.REFUSED if isinstance(error, ProblemError) else ExitCode.UNREACHABLE

"""How the command line ends; docs/cli.md says the same."""

from enum import IntEnum

from imgup.errors import ImgupError, ProblemError, UnauthorizedError


class ExitCode(IntEnum):
    """What a script can tell from a command's end."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    UNAUTHORIZED = 5
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells have it."""
    READER_GONE = 141
    """The same of SIGPIPE."""


MEANINGS = """\b
Exit codes:
  0    done; of an upload: all images are at Imgur
  1    some images failed, or entries were set aside
  2    bad usage or input; nothing was sent
  3    the service refused, and said why
  4    the service cannot be reached, or it is not imgup that answers
  5    no API key, or one that is not valid
  130  interrupted; a job that was sent goes on
  141  whoever read the output has closed it"""


def exit_code_of(error: ImgupError) -> ExitCode:
    """How a command ends that met this error."""
    match error:
        case UnauthorizedError():
            return ExitCode.UNAUTHORIZED
        case ProblemError():
            return ExitCode.REFUSED
        case _:
            return ExitCode.UNREACHABLE

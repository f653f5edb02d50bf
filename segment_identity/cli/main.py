"""Run a command, and turn what goes wrong into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from segment_identity.cli import garbage
from segment_identity.cli.codes import FAILED, WRONG_ARGUMENTS
from segment_identity.destinations import extras
from segment_identity.errors import (
    ConfigurationError,
    InvalidCall,
    MissingExtra,
    SegmentIdentityError,
)

NAME: Final = "segment-identity"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with *arguments*, those of the process unless given, and exit.

    The exit code is 0 when it did what it should, 1 when that failed or something was found, and 2
    when the arguments cannot work or an extra is missing. A reader that has seen enough, such as
    `head`, is no failure.
    """
    garbage.seldom()
    try:
        code: int = extras.load("segment_identity.cli.app", NAME, "cli").run(arguments, NAME)
        sys.stdout.flush()
    except BrokenPipeError:
        # What Python would still write at its end has nobody to read it either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        sys.stderr.write(f"{NAME}: stopped\n")
        code = FAILED
    except SegmentIdentityError as error:
        # A traceback would show the arguments, which may hold passwords.
        sys.stderr.write(f"{NAME}: {error}\n")
        ours = isinstance(error, ConfigurationError | InvalidCall | MissingExtra)
        code = WRONG_ARGUMENTS if ours else FAILED
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"{NAME}: {error.strerror or type(error).__name__}{where}\n")
        code = FAILED
    sys.exit(code)

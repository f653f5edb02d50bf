"""Run a command, and turn what this package raises into words and an exit code."""

import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from segment_identity.destinations import extras
from segment_identity.errors import ConfigurationError, MissingExtra, SegmentIdentityError

NAME: Final = "segment-identity"
FAILED: Final = 1
WRONG_ARGUMENTS: Final = 2


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with *arguments*, those of the process unless given, and exit.

    The exit code is 0 when it did what it should, 1 when that failed, and 2 when the arguments
    cannot work or an extra is missing.
    """
    try:
        app = extras.load("segment_identity.cli.app", NAME, "cli").app
        app(arguments, prog_name=NAME)
    except SegmentIdentityError as error:
        # A traceback would show the arguments, which may hold passwords.
        sys.stderr.write(f"{NAME}: {error}\n")
        ours = isinstance(error, ConfigurationError | MissingExtra)
        sys.exit(WRONG_ARGUMENTS if ours else FAILED)
    sys.exit(0)

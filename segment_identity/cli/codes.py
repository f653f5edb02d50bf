"""What the command exits with."""

from typing import Final

FAILED: Final = 1
# Something that whoever asked wants to know of.
FOUND: Final = 1
WRONG_ARGUMENTS: Final = 2

"""How often a command looks for garbage."""

import gc
from typing import Final

# Objects that may refer to others. A batch of a warehouse makes some of these for each event, in no
# circles, and lets go of all at once; looking at them meanwhile took a sixth of a load.
_YOUNG: Final = 100_000


def seldom() -> None:
    """Look for it seldom in this process, and never at what was there from its start."""
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)

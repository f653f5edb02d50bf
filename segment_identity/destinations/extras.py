"""Load what an extra brings, only when it is used."""

import importlib
from types import ModuleType

from segment_identity.errors import MissingExtra


def load(module: str, what: str, extra: str) -> ModuleType:
    """Import *module*; without its package, `MissingExtra` says what to install for *what*."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("segment_identity"):
            raise
        raise MissingExtra(
            f"{what} needs the package {error.name}; "
            f"install it with: pip install 'segment-identity[{extra}]'"
        ) from error

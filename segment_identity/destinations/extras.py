"""Load what an extra brings, only when it is used."""

import contextlib
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
        raise missing(error, what, extra) from error
    except MissingExtra as error:
        # It names the extra of the module, and *extra* brings what *what* needs besides.
        cause = error.__cause__
        if not isinstance(cause, ModuleNotFoundError):
            raise
        raise missing(cause, what, extra) from cause


def missing(error: ModuleNotFoundError, what: str, extra: str) -> MissingExtra:
    """Return the error that says which *extra* brings what was not found."""
    return MissingExtra(
        f"{what} needs the package {error.name}; "
        f"install it with: pip install 'segment-identity[{extra}]'"
    )


def first(*modules: str) -> ModuleType:
    """Import the first of *modules* that is installed; the last one is always there."""
    *wanted, certain = modules
    for module in wanted:
        with contextlib.suppress(ImportError):
            return importlib.import_module(module)
    return importlib.import_module(certain)

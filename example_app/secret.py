"""Find the shop's secret key, or make one that only this user of the machine can read."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

VARIABLE = "SHOP_SECRET_KEY"


def secret_key(database: Path) -> str:
    """Return the key from the environment, or else the one kept beside *database*."""
    if given := os.environ.get(VARIABLE):
        return given
    path = database.with_name(database.name + ".secret")
    if not path.exists():
        # Linked when it is whole: a shop killed in between, or two that start at once, must not
        # leave half a key.
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as whole:
            whole.write(secrets.token_urlsafe(32))
            whole.flush()
            with contextlib.suppress(FileExistsError):
                os.link(whole.name, path)
    return path.read_text()

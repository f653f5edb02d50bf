"""Find the shop's secret key, or make one that only this user of the machine can read."""

import os
import secrets
from pathlib import Path

VARIABLE = "SHOP_SECRET_KEY"


def secret_key(database: Path) -> str:
    """Return the key from the environment, or else the one kept beside *database*."""
    if given := os.environ.get(VARIABLE):
        return given
    path = database.with_name(database.name + ".secret")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with open(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(32))
    return key

"""`CurrentIdentity`: the identity as a FastAPI dependency."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from segment_identity.connections import get_identity
from segment_identity.identity import Identity


def _current(connection: HTTPConnection) -> Identity:
    return get_identity(connection)


CurrentIdentity = Annotated[Identity, Depends(_current)]
"""Annotate a parameter with it: `def endpoint(identity: CurrentIdentity)`."""

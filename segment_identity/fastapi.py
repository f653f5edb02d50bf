"""`CurrentIdentity`: the identity as a FastAPI dependency."""

from typing import Annotated

from fastapi import Depends

from segment_identity.connections import get_identity
from segment_identity.identity import Identity

CurrentIdentity = Annotated[Identity, Depends(get_identity)]
"""Annotate a parameter with it: `def endpoint(identity: CurrentIdentity)`."""

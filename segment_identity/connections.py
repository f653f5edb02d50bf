"""Find the identity of a connection."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import HTTPConnection

from segment_identity.errors import InvalidCall, NotInstalled
from segment_identity.identity import Identity
from segment_identity.request_visit import RequestVisit
from segment_identity.visit import Visit


class HasScope(Protocol):
    """A connection of any ASGI framework."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """The ASGI scope."""


if TYPE_CHECKING:
    Connection = HasScope
else:
    # For FastAPI, which gives the connection to a parameter of this type alone.
    Connection = HTTPConnection


def get_identity(connection: Connection) -> Identity:
    """Return the identity of a request or websocket, of Starlette or what else has a scope.

    In FastAPI it is also a dependency: `Depends(get_identity)`, which `CurrentIdentity` is.
    Raises `NotInstalled` if `IdentityMiddleware` does not stand in front of the app.
    """
    scope = getattr(connection, "scope", None)
    if not isinstance(scope, Mapping):
        raise InvalidCall(
            f"get_identity() was given {type(connection).__name__}; "
            "want a request, a websocket or what else has a scope"
        )
    found = (scope.get("state") or {}).get("identity")
    if isinstance(found, Identity):
        return found
    raise NotInstalled(
        "this connection has no identity; add the middleware to the app: "
        "app.add_middleware(IdentityMiddleware, secret_key=…)"
    )


def request_visit(connection: HasScope) -> RequestVisit:
    """Return the visit behind the identity of a request or websocket, for other shells."""
    visit = visit_of(get_identity(connection))
    assert isinstance(visit, RequestVisit)
    return visit


def visit_of(identity: Identity) -> Visit:
    """Return what *identity* works on, for other shells."""
    return identity._visit

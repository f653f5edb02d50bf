"""Find the identity of a connection."""

from collections.abc import Mapping
from typing import Any, Protocol

from segment_identity.errors import InvalidCall, NotInstalled
from segment_identity.identity import Identity
from segment_identity.request_visit import RequestVisit


class HasScope(Protocol):
    """A connection of any ASGI framework."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """The ASGI scope."""


def get_identity(connection: HasScope) -> Identity:
    """Return the identity of a request or websocket, of Starlette or what else has a scope.

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
    visit = get_identity(connection)._visit
    assert isinstance(visit, RequestVisit)
    return visit

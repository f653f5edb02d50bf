"""Find the identity of a connection."""

from starlette.requests import HTTPConnection

from segment_identity.errors import NotInstalled
from segment_identity.identity import Identity


def get_identity(connection: HTTPConnection) -> Identity:
    """Return the identity of a request or websocket.

    Raises `NotInstalled` if `IdentityMiddleware` does not stand in front of the app.
    """
    found = connection.scope.get("state", {}).get("identity")
    if isinstance(found, Identity):
        return found
    raise NotInstalled(
        "this connection has no identity; add the middleware to the app: "
        "app.add_middleware(IdentityMiddleware, secret_key=…)"
    )

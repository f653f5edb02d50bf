"""What a connection shows by itself, before anybody asks who it is."""

from starlette.requests import HTTPConnection
from starlette.types import Scope

from segment_identity import acting, ids, proxies
from segment_identity.acting import ActingAs, AppUser
from segment_identity.proxies import Address
from segment_identity.settings import Settings, Site
from segment_identity.visit import Visit


class RequestFacts(Visit, eq=False, kw_only=True):
    """A visit whose connection can be asked about its headers and where it came from."""

    scope: Scope
    settings: Settings
    _headers: dict[bytes, bytes] | None = None

    def site(self) -> Site:
        """Return how identities are read and written for this connection's scheme."""
        return site_of(self.settings, self.scope)

    def headers(self) -> dict[bytes, bytes]:
        """Return the last header of each name."""
        if self._headers is None:
            self._headers = dict(self.scope["headers"])
        return self._headers

    def method(self) -> str:
        """Return the HTTP method; a websocket's handshake is a GET."""
        return str(self.scope.get("method", "GET"))

    def signals_gpc(self) -> bool:
        """Tell whether the browser sent Global Privacy Control; only the value 1 is a signal."""
        return self.headers().get(b"sec-gpc", b"").strip() == b"1"

    def address(self) -> Address | None:
        """Return the client's address, as far as proxies are trusted."""
        trusted = self.settings.trusted_proxies
        forwarded = _joined(self.scope, b"x-forwarded-for") if trusted else b""
        return proxies.client_address(_peer(self.scope), forwarded, trusted)

    def named_device(self) -> str | None:
        """Return the anonymousId that an app names in a header."""
        name = self.settings.device_header
        if name is None:
            return None
        device = self.headers().get(name, b"").decode("latin-1")
        return device if ids.is_anonymous_id(device) else None

    def app_user(self) -> AppUser | ActingAs | None:
        """Ask the `user` option; what it raises or returns wrongly is reported and ignored."""
        ask = self.settings.user
        if ask is None:
            return None
        try:
            return acting.read(ask(HTTPConnection(self.scope)))
        except Exception as error:
            self.report("user", error)
            return None


def site_of(settings: Settings, scope: Scope) -> Site:
    """Return how identities are read and written for the scheme of a connection."""
    if settings.always_secure is not None:
        secure = settings.always_secure
    elif not settings.trusted_proxies:
        secure = scope.get("scheme") in ("https", "wss")
    else:
        forwarded = _joined(scope, b"x-forwarded-proto")
        scheme = str(scope.get("scheme", "http"))
        secure = proxies.is_secure(scheme, _peer(scope), forwarded, settings.trusted_proxies)
    return settings.secure if secure else settings.plain


def is_excluded(settings: Settings, scope: Scope) -> bool:
    """Tell whether the `exclude` option names a connection."""
    rule = settings.exclude
    if rule is None:
        return False
    if callable(rule):
        return bool(rule(HTTPConnection(scope)))
    path = scope.get("path", "")
    return any(path == each or path.startswith(each.rstrip("/") + "/") for each in rule)


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return str(client[0]) if client else None


def _joined(scope: Scope, wanted: bytes) -> bytes:
    return b",".join(value for name, value in scope["headers"] if name == wanted)

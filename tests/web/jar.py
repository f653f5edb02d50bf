"""A browser's cookie jar, in as few rules as the tests need (RFC 6265 section 5)."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie as a browser keeps it; *domain* None is host-only."""

    name: str
    value: str
    domain: str | None
    path: str
    expires: float
    order: int
    http_only: bool = False


class Jar:
    """The cookies of one browser, all of them for *host* and its parent domain."""

    def __init__(self, host: str, parent: str) -> None:
        self.host = host
        self.parent = parent
        self.held: dict[tuple[str, str | None, str], Cookie] = {}
        self._order = 0

    def put(self, cookie: Cookie, now: float) -> None:
        """Keep a cookie; one with the same name, domain and path is replaced in its place."""
        key = (cookie.name, cookie.domain, cookie.path)
        old = self.held.pop(key, None)
        if cookie.expires > now:
            self._order += 1
            self.held[key] = replace(cookie, order=old.order if old else self._order)

    def take(self, line: bytes, now: float) -> None:
        """Keep what one Set-Cookie line says."""
        pair, *attributes = line.decode("ascii").split("; ")
        name, _, value = pair.partition("=")
        said = {key.lower(): text for key, _, text in (each.partition("=") for each in attributes)}
        domain = said.get("domain")
        assert domain in (None, self.parent)
        assert domain is None or not name.startswith("__Host-")
        expires = now + int(said["max-age"])
        is_hidden = "httponly" in said
        self.put(Cookie(name, value, domain, said["path"], expires, 0, is_hidden), now)

    def expire(self, now: float) -> None:
        """Drop what has expired."""
        self.held = {key: each for key, each in self.held.items() if each.expires > now}

    def sent(self, path: str) -> list[Cookie]:
        """Return what is sent with a request: longer paths first, then the older ones."""
        fitting = [each for each in self.held.values() if _covers(each.path, path)]
        return sorted(fitting, key=lambda each: (-len(each.path), each.order))

    def header(self, path: str) -> bytes:
        """Return the Cookie header of a request."""
        return "; ".join(f"{each.name}={each.value}" for each in self.sent(path)).encode("latin-1")

    def first(self, name: str, path: str = "/") -> str | None:
        """Return the value a script reads: the first of that name."""
        return next((each.value for each in self.sent(path) if each.name == name), None)

    def drop(self, *names: str) -> None:
        """Delete cookies of these names, wherever they are."""
        self.held = {key: each for key, each in self.held.items() if each.name not in names}

    def drop_readable(self) -> None:
        """Delete every cookie that a script can see."""
        self.held = {key: each for key, each in self.held.items() if each.http_only}


def _covers(cookie_path: str, path: str) -> bool:
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")

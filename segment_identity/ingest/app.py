"""`TrackingAPI`: an ASGI app that takes what trackers post and hands it to an `Analytics`."""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from segment_identity import caching, options
from segment_identity.analytics import Analytics
from segment_identity.errors import ConfigurationError
from segment_identity.ingest import body, callers, parsing, routes, settings
from segment_identity.ingest.body import Body, Malformed
from segment_identity.ingest.callers import Headers, Standing
from segment_identity.ingest.intake import Intake
from segment_identity.ingest.parsing import Posted
from segment_identity.ingest.rate import Buckets
from segment_identity.ingest.receiving import body_of
from segment_identity.ingest.routes import Route
from segment_identity.ingest.sender import BELIEVED
from segment_identity.ingest.senders import Request

_ALWAYS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_TAKEN: Final = b'{"success": true}'
# SDKs that find no code and message take even a 400 for a broken network, and ask again and again.
_REFUSED: Final = b'{"success": false, "code": "refused", "message": "not taken"}'


class Answer(NamedTuple):
    """What a request is answered; the words are always the same."""

    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ()


class TrackingAPI:
    """Takes what Analytics.js and the SDKs of Segment and RudderStack post; mount it at `/v1`.

    With `IdentityMiddleware` in front, what a page sends carries the ids of its visitor. Pages of
    this site may post, and those of *origins* such as `"https://www.example.com"`. What no browser
    sends needs a key: one of *write_keys*, which apps hold and prove nothing by, or one of
    *secret_keys*, at least 16 random characters, whose bearer, a server, may say who did what.
    *rate* is how many requests a second each client may make in the long run; None is no limit.
    """

    @options.explained
    def __init__(
        self,
        analytics: Analytics,
        *,
        write_keys: Sequence[str] = (),
        secret_keys: Sequence[object] = (),
        origins: Sequence[str] = (),
        rate: float | None = 10.0,
    ) -> None:
        if not isinstance(analytics, Analytics):
            raise ConfigurationError(
                f"TrackingAPI was given {type(analytics).__name__}; want an Analytics"
            )
        if rate is not None:
            options.positive("rate", rate)
        self._analytics = analytics
        self._keys = settings.keys(write_keys, secret_keys)
        self._origins = settings.origins(origins)
        self._rate = rate
        self._buckets = Buckets()
        self._intake = Intake(analytics)

    def __repr__(self) -> str:
        return f"TrackingAPI({self._analytics!r})"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        if scope["type"] != "http":
            return
        request = Request(scope)
        headers = request.headers
        set_cookies: list[bytes] = []
        try:
            answer = await self._answer(request, scope, headers, receive)
            if answer.status == 200:
                set_cookies = request.cookies()
        except Malformed as error:
            answer = Answer(error.status)
        except ClientDisconnect:
            return
        except Exception as error:
            # Never a 5xx: clients send again, for days, what would fail here every time.
            self._analytics.journal.report("ingest", error)
            answer = Answer(400)
        said = b"" if answer.status == 204 else _TAKEN if answer.status < 400 else _REFUSED
        lines = [*callers.cors(headers, self._origins), *answer.headers]
        if said:
            lines += [*_ALWAYS, (b"content-length", b"%d" % len(said))]
        if set_cookies:
            lines = caching.with_cookies(lines, set_cookies)
        await send({"type": "http.response.start", "status": answer.status, "headers": lines})
        await send({"type": "http.response.body", "body": said})

    async def _answer(
        self, request: Request, scope: Scope, headers: Headers, receive: Receive
    ) -> Answer:
        route = routes.route(scope["path"], scope.get("root_path", ""))
        if route is None:
            return Answer(404)
        if scope["method"] == "OPTIONS":
            return Answer(204, callers.preflight(headers, self._origins))
        if scope["method"] != "POST":
            return Answer(405, [(b"allow", b"OPTIONS, POST")])
        query = scope.get("query_string", b"")
        standing = callers.standing(headers, query, self._keys, self._origins)
        if standing == "refused":
            return Answer(403)
        wait = 0 if standing == "secret" else self._wait(request)
        if wait:
            return Answer(429, _after(wait))
        if body.is_form(headers.get(b"content-type", b"")):
            return Answer(415)
        packed = body.is_gzipped(headers.get(b"content-encoding", b""))
        taken = await body_of(receive, Body(routes.limit(route), gzipped=packed))
        if route == "metrics":
            return Answer()
        posted = parsing.parse(taken, route)
        return await self._take(request, posted, len(taken), route, standing)

    def _wait(self, request: Request) -> int:
        """Return how many seconds this client has to wait."""
        if self._rate is None:
            return 0
        return self._buckets.wait(request.clients(self._rate), time.monotonic())

    async def _take(
        self, request: Request, posted: Posted, size: int, route: Route, standing: Standing
    ) -> Answer:
        if standing == "unknown":
            trusted = self._keys.trust(callers.body_key(posted.writeKey))
            if trusted is None:
                return Answer(401)
            standing = trusted
        if standing == "secret":
            silence, sender = None, BELIEVED
        else:
            silence, sender = request.silence(), request.sender()
        if silence is not None:
            self._analytics.drop(silence, len(posted.batch))
        elif not await self._intake.take(request, posted, size, route, sender):
            return Answer(429, _after(self._intake.come_back()))
        return Answer()


def _after(seconds: int) -> list[tuple[bytes, bytes]]:
    return [(b"retry-after", b"%d" % seconds)]

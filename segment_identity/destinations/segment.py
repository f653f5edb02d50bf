"""Segment's HTTP Tracking API, and everything that speaks it: RudderStack, Jitsu, one's own."""

import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from segment_identity import endpoint, options, retry
from segment_identity.destinations import extras
from segment_identity.errors import Unauthorized, Unavailable, Undeliverable
from segment_identity.journal import Journal
from segment_identity.keeping import fingerprint
from segment_identity.messages import instant
from segment_identity.sources import sound

if TYPE_CHECKING:
    import urllib3

_CONNECT_TIMEOUT: Final = 3.0
# What zlib writes: gzip's format, with the largest window.
_GZIP: Final = 31


class Segment:
    """Posts batches to `/batch` of a Tracking API, over kept connections.

    *url* is `https://WRITE_KEY@api.segment.io/v1`. Up to *connections* batches are on their way at
    once; one visitor's events are always in order. A batch that is not full waits for *linger*
    seconds for more events. *timeout* is that of one attempt, in seconds. *compress* sends gzip.
    *name* is what it is called in `stats()` and in a spool.
    The proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`…) is used.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 6,
        linger: float = 0.2,
        timeout: float = 10.0,
        compress: bool = True,
        name: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        options.positive("connections", connections)
        options.positive("timeout", timeout)
        options.not_negative("linger", linger)
        options.function("clock", clock, required=True)
        self._http = extras.load("urllib3", "the Segment destination", "http")
        # Compressing is the larger part of a delivery; ISA-L takes a fifth of zlib's time for it.
        self._zlib = extras.first("isal.isal_zlib", "zlib")
        self._endpoint = endpoint.endpoint(url)
        self._patience = timeout
        self._timeout = self._http.Timeout(connect=min(_CONNECT_TIMEOUT, timeout), read=timeout)
        self._compress = compress
        self._clock = sound(clock, Journal().report)
        # What a lane asks for, see `Destination`.
        self.name = name
        self.fingerprint = fingerprint(repr(self._endpoint), self._endpoint.authorization)
        self.parallel = int(connections)
        self.linger = float(linger)
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._way: _Way | None = None
        self._attempts = threading.local()

    def __repr__(self) -> str:
        return f"Segment({self._endpoint!r})"

    def send(self, batch: Sequence[bytes], /) -> None:
        """Post a batch once; raises what the answer means."""
        # A batch is tried by one thread until it is done, so what fails next is the same one.
        retries = getattr(self._attempts, "failed", 0)
        self._attempts.failed = retries + 1
        status, wait = self._post(batch, retries)
        means = retry.answer(status)
        if means == "retry":
            raise Unavailable(f"HTTP {status}", retry_after=wait)
        if means == "refused":
            raise Unauthorized(f"HTTP {status}")
        self._attempts.failed = 0
        if means == "split":
            raise Undeliverable(f"HTTP {status}")

    def close(self) -> None:
        """Close the connections; the next batch opens new ones."""
        with self._lock:
            way, self._way = self._way, None
        if way is not None:
            way.close()

    def after_fork(self) -> None:
        """Leave the parent process' connections alone."""
        self._begin()

    def _post(self, batch: Sequence[bytes], retries: int) -> tuple[int, float | None]:
        target, now = self._endpoint, self._clock()
        content = endpoint.body(batch, instant(now))
        gzipped = self._compress and len(content) >= endpoint.MIN_GZIP
        if gzipped:
            # The fastest level: events are much alike, and the next ones save an eighth more.
            content = self._zlib.compress(content, 1, wbits=_GZIP)
        way = self._opened()
        try:
            answer = way.ask(
                "POST",
                way.target,
                body=content,
                headers=endpoint.headers(target, retries, gzipped=gzipped),
                timeout=self._timeout,
                preload_content=False,
                redirect=False,
                retries=False,
            )
            with answer:
                self._pass_over(answer)
                if answer.status < 200:
                    # The true answer is still to come, and would be taken for the next batch's.
                    self.close()
                return answer.status, retry.retry_after(answer.headers.get("Retry-After"), now)
        except (self._http.exceptions.HTTPError, OSError) as error:
            raise Unavailable(type(error).__name__) from error

    def _pass_over(self, answer: "urllib3.BaseHTTPResponse") -> None:
        """Read what an answer says, so that the connection can be kept; not for long."""
        left, until = endpoint.MAX_ANSWER, time.monotonic() + self._patience
        while left > 0 and time.monotonic() < until:
            piece = answer.read1(left, decode_content=False)
            if not piece:
                break
            left -= len(piece)

    def _opened(self) -> "_Way":
        with self._lock:
            if self._way is None:
                self._way = self._open()
            return self._way

    def _open(self) -> "_Way":
        target = self._endpoint
        origin = f"{target.scheme}://{target.host}:{target.port}"
        proxy = urllib.request.getproxies().get(target.scheme)
        if proxy and not urllib.request.proxy_bypass(f"{target.host}:{target.port}"):
            parsed = self._http.util.parse_url(proxy)
            known = self._http.make_headers(proxy_basic_auth=parsed.auth) if parsed.auth else None
            proxied = self._http.ProxyManager(proxy, maxsize=self.parallel, proxy_headers=known)
            return _Way(proxied.urlopen, origin + target.path, proxied.clear)
        # A pool of one host, as looking it up among others takes a third of a request.
        pool = self._http.connection_from_url(origin, maxsize=self.parallel)
        return _Way(pool.urlopen, target.path, pool.close)


class _Way(NamedTuple):
    """How to get there: what asks, for which *target*, and what closes the connections."""

    ask: Callable[..., "urllib3.BaseHTTPResponse"]
    target: str
    close: Callable[[], None]

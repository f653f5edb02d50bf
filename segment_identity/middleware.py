"""`IdentityMiddleware`: gives every connection an identity and every response its cookies."""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segment_identity import options, pending, proxies, settings
from segment_identity.analytics import Analytics
from segment_identity.answering import answered
from segment_identity.consent import Gpc
from segment_identity.entropy import new_uuid
from segment_identity.errors import ConfigurationError
from segment_identity.identity import Identity
from segment_identity.journal import Journal
from segment_identity.journeys import journeys
from segment_identity.lifespan import with_delivery
from segment_identity.minting import Mint
from segment_identity.privacy import ConsentCallback, privacy
from segment_identity.proxies import IpPolicy
from segment_identity.request_identity import RequestIdentity
from segment_identity.settings import Exclude, Settings, UserCallback
from segment_identity.signing import MemorySigner, Seal
from segment_identity.sources import Sources
from segment_identity.visitor import OnUserChange
from segment_identity.visits import visits


class IdentityMiddleware:
    """Put the visitor's identity into `request.state.identity` and keep it in cookies.

    *secret_key* signs the server's memory; at least 16 random characters, no default. Keys in
    *previous_keys* still verify, so that a key can be replaced without forgetting anybody.
    *cookie_domain* shares the identity with subdomains, exactly as wide as Analytics.js does.
    *browser* False sets no cookie that scripts can read. *user* maps a connection to the id of the
    signed-in user, to (id, traits) or to None, and always wins. *consent* maps it to what the
    visitor agreed to: None until asked, a bool, or bools by category, of which recording needs
    *consent_category*. *trusted_proxies* is the number of proxies in front, or their networks. See
    the README for every option.
    """

    @options.explained
    def __init__(
        self,
        app: ASGIApp,
        *,
        secret_key: object,
        previous_keys: Sequence[object] = (),
        analytics: Analytics | None = None,
        cookie_domain: str | None = None,
        browser: bool = True,
        on_user_change: OnUserChange = "rotate",
        user: UserCallback | None = None,
        consent: ConsentCallback | None = None,
        consent_category: str = "analytics",
        gpc: Gpc = ("advertising",),
        cookieless: bool = False,
        mint: Mint = "navigation",
        remember_traits: bool | Collection[str] = False,
        track_pages: bool = False,
        trusted_proxies: int | Sequence[str] = 0,
        ip: IpPolicy = "mask",
        exclude: Exclude | None = None,
        secure: bool | None = None,
        track_bots: bool = False,
        attribution: bool | Collection[str] = False,
        ignored_referrers: Collection[str] = (),
        sessions: bool | float = False,
        anonymous_id_header: str | None = None,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = new_uuid,
    ) -> None:
        options.application(app)
        options.one_of("on_user_change", on_user_change, ("rotate", "keep", "refuse"))
        options.one_of("mint", mint, ("navigation", "always", "never"))
        options.one_of("ip", ip, ("mask", "full", "none"))
        options.function("user", user)
        private = privacy(consent, consent_category, gpc, cookieless, secret_key)
        options.functions(clock=clock, new_id=new_id)
        options.flags(browser=browser, track_pages=track_pages, track_bots=track_bots)
        options.flags(secure=False if secure is None else secure)
        keys = settings.keys(secret_key, previous_keys)
        signer = MemorySigner(keys)
        domain = options.cookie_domain(cookie_domain)
        followed = journeys(attribution, ignored_referrers, sessions, domain=domain, keys=keys)
        self.app = app
        self._analytics = analytics
        ready = Settings(
            signer=signer,
            pending=Seal(keys, pending.SALT),
            plain=settings.site(signer, domain, secure=False, browser=browser),
            secure=settings.site(signer, domain, secure=True, browser=browser),
            browser=browser,
            on_user_change=on_user_change,
            user=user,
            mint=mint,
            remember=settings.remember(remember_traits),
            track_pages=track_pages,
            trusted_proxies=proxies.trusted_proxies(trusted_proxies),
            ip=ip,
            exclude=settings.exclude(exclude),
            always_secure=secure,
            track_bots=track_bots,
            privacy=private,
            journeys=followed,
            device_header=options.header("anonymous_id_header", anonymous_id_header),
            listens=user is not None or track_pages,
        )
        self._visits = visits(ready, Sources(clock, new_id, _journal(analytics)), analytics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind != "http" and kind != "websocket":
            if kind == "lifespan" and self._analytics is not None:
                return await with_delivery(self.app, self._analytics, scope, receive, send)
            return await self.app(scope, receive, send)
        state = scope.get("state")
        if state is None:
            state = scope["state"] = {}
        elif isinstance(state.get("identity"), Identity):
            # This middleware also stands further out, and that identity is the one.
            return await self.app(scope, receive, send)
        identity = state["identity"] = RequestIdentity(self._visits, scope)

        # Not a coroutine function, as most messages only pass through.
        def send_with_identity(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = answered(identity, message)
            return send(message)

        try:
            await self.app(scope, receive, send_with_identity)
        finally:
            identity._release()


def _journal(analytics: object) -> Journal:
    """Return where errors are counted: with the events, or by the middleware alone."""
    if analytics is None:
        return Journal()
    if isinstance(analytics, Analytics):
        return analytics.journal
    raise ConfigurationError(
        f"analytics was given {type(analytics).__name__}; want an Analytics or None"
    )

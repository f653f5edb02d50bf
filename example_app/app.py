"""Put the shop together: routes, sessions and, in one place, segment_identity."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from example_app import members, pages, privacy, views
from example_app.accounts import Accounts
from example_app.headers import SecurityHeaders
from segment_identity import Analytics, IdentityMiddleware
from segment_identity.browser import TrackingAPI
from segment_identity.inspector import Inspector

# Where npm puts Analytics.js. The shop serves it itself, so that no other host is asked.
ANALYTICS_JS = (
    Path(__file__).parent / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
)

ROUTES = (
    Route("/", pages.home),
    Route("/plants/{slug}", pages.plant),
    Route("/plants/{slug}/add", pages.add, methods=["POST"]),
    Route("/basket", pages.basket),
    Route("/newsletter", pages.newsletter),
    Route("/newsletter", pages.subscribe, methods=["POST"]),
    Route("/sign-up", members.sign_up_form),
    Route("/sign-up", members.sign_up, methods=["POST"]),
    Route("/welcome", members.welcome),
    Route("/log-in", members.log_in_form),
    Route("/log-in", members.log_in, methods=["POST"]),
    Route("/account", members.account),
    Route("/account", members.change_account, methods=["POST"]),
    Route("/log-out", members.log_out, methods=["POST"]),
    Route("/privacy", privacy.show),
    Route("/privacy", privacy.choose, methods=["POST"]),
    Route("/panel", views.show_panel),
    Mount("/static", StaticFiles(directory=Path(__file__).with_name("static")), name="static"),
)


def signed_in(connection: HTTPConnection) -> str | None:
    """Say who is there, as the shop's own session knows it."""
    user_id: str | None = connection.session.get("user_id")
    return user_id


def create_app(
    database: Path | str,
    secret_key: str,
    analytics_js: Path = ANALYTICS_JS,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """Return the shop, which keeps its customers and its events in one SQLite file.

    Without Analytics.js in the folder *analytics_js* it runs on the server alone.
    """
    engine = create_engine(f"sqlite:///{database}")
    accounts = Accounts(engine)
    analytics = Analytics(f"sqlite:///{database}", clock=clock)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        accounts.prepare()
        yield
        engine.dispose()

    # The session comes first, because `user=` reads it to say who is signed in.
    middleware = (
        Middleware(SecurityHeaders),
        Middleware(SessionMiddleware, secret_key=secret_key, session_cookie="shop_session"),
        Middleware(
            IdentityMiddleware,
            secret_key=secret_key,
            analytics=analytics,
            user=signed_in,
            consent=privacy.agreed,
            track_pages=True,
            exclude=["/inspector"],
            clock=clock,
        ),
    )
    app = Starlette(
        routes=[
            *ROUTES,
            *_for_the_browser(analytics, analytics_js),
            # Without a token it answers only who sits at this machine.
            Mount("/inspector", Inspector(analytics, warehouse=f"sqlite:///{database}")),
        ],
        middleware=middleware,
        exception_handlers={404: pages.not_found},
        lifespan=lifespan,
    )
    app.state.accounts = accounts
    app.state.engine = engine
    app.state.has_analytics_js = has_analytics_js(analytics_js)
    # Now and not with the first visit, so that a mistake in an option keeps the shop closed.
    app.middleware_stack = app.build_middleware_stack()
    return app


def has_analytics_js(folder: Path) -> bool:
    """Tell whether Analytics.js is in *folder*."""
    return (folder / "index.js").is_file()


def _for_the_browser(analytics: Analytics, analytics_js: Path) -> list[Mount]:
    """Serve Analytics.js, and take what it sends."""
    if not has_analytics_js(analytics_js):
        return []
    files = StaticFiles(directory=analytics_js)
    return [Mount("/analytics", files), Mount("/v1", TrackingAPI(analytics))]

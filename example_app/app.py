"""Put the shop together: routes, sessions and, in one place, segment_identity."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from example_app import members, pages, views
from example_app.accounts import Accounts
from example_app.headers import SecurityHeaders
from segment_identity import Analytics, IdentityMiddleware

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
    Route("/panel", views.show_panel),
    Mount("/static", StaticFiles(directory=Path(__file__).with_name("static")), name="static"),
)


def signed_in(connection: HTTPConnection) -> str | None:
    """Say who is there, as the shop's own session knows it."""
    user_id: str | None = connection.session.get("user_id")
    return user_id


def create_app(database: Path | str, secret_key: str) -> Starlette:
    """Return the shop, which keeps its customers and its events in one SQLite file."""
    engine = create_engine(f"sqlite:///{database}")
    accounts = Accounts(engine)
    analytics = Analytics(f"sqlite:///{database}")

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
            track_pages=True,
        ),
    )
    app = Starlette(
        routes=ROUTES,
        middleware=middleware,
        exception_handlers={404: pages.not_found},
        lifespan=lifespan,
    )
    app.state.accounts = accounts
    app.state.engine = engine
    # Now and not with the first visit, so that a mistake in an option keeps the shop closed.
    app.middleware_stack = app.build_middleware_stack()
    return app

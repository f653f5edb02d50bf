"""A log-in server that speaks OpenID Connect, as far as one log-in needs it."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from servers import in_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

CLIENT: Final = "shop"
CLIENT_SECRET: Final = "oauth-51c0b7ae2d9f8e64"


class LogInServer:
    """Lets everybody in as Ada, without asking."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "one"})
        self._nonces: dict[str, str] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _metadata(self, request: Request) -> JSONResponse:
        issuer = str(request.base_url).rstrip("/")
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _authorize(self, request: Request) -> RedirectResponse:
        asked = request.query_params
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        code = secrets.token_urlsafe(8)
        self._nonces[code] = asked["nonce"]
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}")

    async def _token(self, request: Request) -> JSONResponse:
        async with request.form() as form:
            nonce = self._nonces.pop(str(form["code"]))
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": str(request.base_url).rstrip("/"),
            "aud": CLIENT,
            "sub": "u-1",
            "email": "ada@example.com",
            "nonce": nonce,
            "iat": now,
            "exp": now + 60,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})

    async def _keys(self, _: Request) -> JSONResponse:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})


@contextmanager
def log_in_server() -> Iterator[str]:
    """Run one, and give its address."""
    with in_thread(LogInServer().app) as port:
        yield f"http://127.0.0.1:{port}"

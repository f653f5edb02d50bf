"""Send the security headers that let the browser run nothing but what the shop itself sends."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; base-uri 'none'; object-src 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeaders:
    """Add the headers to every response, and the nonce of its scripts to `request.state`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
                headers = MutableHeaders(scope=message)
                for name, text in (_HEADERS | policy).items():
                    # The inspector brings stricter ones.
                    headers.setdefault(name, text)
            await send(message)

        await self.app(scope, receive, send_with_headers)

"""`bridge()`: the script that keeps a page and the server from disagreeing."""

import json
from importlib.resources import files
from typing import Final

from segment_identity.browser.markup import Markup, script
from segment_identity.connections import HasScope, request_visit

# bridge.js says how it works; this is the form for pages, made of it.
_SCRIPT: Final = files("segment_identity.browser").joinpath("bridge.min.js").read_text("ascii")


def bridge(request: HasScope, *, nonce: str | None = None) -> Markup:
    """Return an inline `<script>` to put first into a page's head, before Analytics.js.

    It holds nothing of the visitor, so a page with it may be cached. *nonce* is that of the page's
    Content-Security-Policy. With `browser=False` there is nothing to keep in step, and it is empty.
    Raises `NotInstalled` if `IdentityMiddleware` does not stand in front of the app.
    """
    visit = request_visit(request)
    if not visit.settings.browser:
        return Markup()
    ending = json.dumps(visit.site().attributes.script_ending)
    return script(f"({_SCRIPT.rstrip()})(window,document,{ending})", nonce)

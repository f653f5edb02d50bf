"""HTML that templates print as it is."""

from html import escape


class Markup(str):
    """A text that is HTML already, so that Jinja2 and its like do not escape it."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def script(code: str, nonce: str | None) -> Markup:
    """Return an inline script; *nonce* is the one of the page's Content-Security-Policy."""
    attribute = "" if nonce is None else f' nonce="{escape(nonce)}"'
    return Markup(f"<script{attribute}>{code}</script>")

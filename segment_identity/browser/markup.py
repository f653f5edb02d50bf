"""HTML that templates print as it is."""

from html import escape

from segment_identity.errors import ConfigurationError


class Markup(str):
    """A text that is HTML already, so that Jinja2 and its like do not escape it."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def script(code: str, nonce: str | None) -> Markup:
    """Return an inline script; *nonce* is the one of the page's Content-Security-Policy."""
    if nonce is not None and not isinstance(nonce, str):
        raise ConfigurationError(f"nonce was given {type(nonce).__name__}; want a str or None")
    attribute = "" if nonce is None else f' nonce="{escape(nonce)}"'
    return Markup(f"<script{attribute}>{code}</script>")

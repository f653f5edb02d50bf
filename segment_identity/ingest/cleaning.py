"""Correct in a stranger's message what the request knows better, and take out what may not stay."""

from typing import Any, Final

from segment_identity import consent as consents
from segment_identity import context as contexts
from segment_identity.ingest import fields
from segment_identity.ingest.sender import Sender

_NO_IP: Final = "0.0.0.0"
_MAX_NAME: Final = 256
_URLS: Final = ("url", "search", "referrer")


def clean(context: dict[str, Any], sender: Sender) -> None:
    """Clean the *context* of a message."""
    if sender.ip is None:
        context.pop("ip", None)
    elif context.get("ip") != _NO_IP:
        context["ip"] = sender.ip
    if sender.user_agent and type(context.get("userAgent")) is not str:
        context["userAgent"] = sender.user_agent
    if sender.consent is not None:
        context.update(consents.stamp(consents.narrowed(sender.consent, context)))
    library = context.get("library")
    if library is not None and not _is_named(library):
        context["library"] = _named(fields.mapping(library))
    page = context.get("page")
    if type(page) is dict:
        mask(page)


def mask(page: dict[str, Any]) -> None:
    """Hide the secrets in what is said of a *page*."""
    for key in _URLS:
        url = page.get(key)
        if url and type(url) is str and "=" in url:
            page[key] = contexts.without_secrets(url)


def _is_named(library: Any) -> bool:
    """Tell whether a library is as all SDKs but one say it, so that nothing is to be done."""
    if type(library) is not dict or len(library) != 2:
        return False
    name, version = library.get("name"), library.get("version")
    if type(name) is not str or type(version) is not str:
        return False
    return len(name) <= _MAX_NAME and len(version) <= _MAX_NAME


def _named(library: dict[str, Any]) -> dict[str, str]:
    return {
        key: value[:_MAX_NAME]
        for key, value in library.items()
        if key in ("name", "version") and type(value) is str
    }

"""The server's memory of a visitor, in one signed cookie.

Everything is under one signature, so no part of one visitor's memory can be joined to another's.
The wire form is itsdangerous': URL-safe base64 of a JSON array, a dot, the signature. The array
opens with a version; a version this file does not know is treated as absent.
"""

import base64
import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from itsdangerous import Signer

from segment_identity.cookies import YEAR
from segment_identity.errors import ConfigurationError

VERSION: Final = 1
# Clocks of two hosts differ; a visitor must not be forgotten for it (seconds).
LEEWAY: Final = 300
SALT: Final = b"segment_identity.identity.v1"

_MIN_KEY: Final = 16
_MIN_DISTINCT: Final = 5
_TOUCHED: Final = 1
_OWNED: Final = 2
# A key made only of these words and of digits is one that people copy or make up.
_WORDS: Final = re.compile(
    "passphrase|password|development|production|insecure|changeme|default|example|replace|fixme"
    "|string|secret|please|random|change|django|session|testing|really|flask|local|super|token"
    "|value|qwerty|todo|keys|here|your|this|prod|some|very|test|with|long|not|now|top|app|key|abc"
    "|xyz|the|for|dev|our|it|is|my|me|so|to|an|in|a"
)
_encoder: Final = msgspec.json.Encoder()
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_SEQUENCES: Final = tuple(
    each * 16
    for each in (
        "0123456789",
        "0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "0123456789abcdefghijklmnopqrstuvwxyz",
        "qwertyuiopasdfghjklzxcvbnm",
    )
)


class Memory(msgspec.Struct, frozen=True, gc=False):
    """What the server remembers of a visitor; times are seconds since 1970."""

    anonymous_id: str
    user_id: str | None
    group_id: str | None
    issued: int
    seen: int
    nonce: str
    touched: bool = False
    traits: Mapping[str, Any] = {}
    group_traits: Mapping[str, Any] = {}
    owned: bool = False


class _Wire(msgspec.Struct, array_like=True, frozen=True):
    version: int
    anonymous_id: str
    user_id: str | None
    group_id: str | None
    issued: int
    seen: int
    nonce: str
    flags: int
    traits: dict[str, Any]
    group_traits: dict[str, Any]


class Opened(NamedTuple):
    """A memory whose signature held, and whether the current key made it."""

    memory: Memory
    current: bool


class _Key:
    """Signs as itsdangerous' Signer does, with its key derived and hashed once.

    HMAC hashes the key before the value, and again before the outcome (RFC 2104 section 2). Both
    hashes of the key are made here and only copied later, which `hmac` does at twice the cost.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, salt: bytes) -> None:
        signer = Signer(key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
        # A derived key is as long as a digest, so it is never longer than a block.
        block = signer.derive_key().ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))

    def signature(self, value: bytes) -> bytes:
        """Return the signature of *value* in URL-safe base64 without padding."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(value)
        outer.update(inner.digest())
        # Of 32 bytes the last digit is always padding.
        return b2a_base64(outer.digest(), newline=False).translate(_URL_SAFE)[:-1]


class Seal:
    """Signs what is for one purpose with the first key, and verifies it with all of them."""

    __slots__ = ("_keys", "_sign")

    def __init__(self, keys: Sequence[bytes], salt: bytes) -> None:
        self._keys = [_Key(key, salt) for key in keys]
        self._sign = self._keys[0].signature

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._keys)} keys)"

    def signed(self, plain: bytes) -> bytes:
        """Return a cookie value that holds *plain*."""
        body = b2a_base64(plain, newline=False).translate(_URL_SAFE).rstrip(b"=")
        return body + b"." + self._sign(body)

    def opened(self, token: bytes) -> tuple[bytes, bool] | None:
        """Return what *token* holds and whether the current key signed it; None if no key did.

        The signature is made anew and compared as text, so that no second spelling of one
        signature passes; nothing is decoded before it held. Age is not judged here.
        """
        body, dot, signature = token.rpartition(b".")
        if not dot:
            return None
        for position, key in enumerate(self._keys):
            if hmac.compare_digest(key.signature(body), signature):
                plain = _unbase64(body)
                return None if plain is None else (plain, position == 0)
        return None


class MemorySigner(Seal):
    """Signs memories."""

    __slots__ = ()

    def __init__(self, keys: Sequence[bytes]) -> None:
        super().__init__(keys, SALT)

    def dumps(self, memory: Memory) -> bytes:
        """Return the cookie value for *memory*."""
        return self.signed(encoded(memory))

    def loads(self, token: bytes) -> Opened | None:
        """Return what *token* holds, or None if no key signed exactly these bytes."""
        opened = self.opened(token)
        if opened is None:
            return None
        memory = _decode(opened[0])
        return None if memory is None else Opened(memory, opened[1])


def encoded(memory: Memory) -> bytes:
    """Return *memory* as it stands under the signature, in JSON."""
    wire = (
        VERSION,
        memory.anonymous_id,
        memory.user_id,
        memory.group_id,
        memory.issued,
        memory.seen,
        memory.nonce,
        _TOUCHED * memory.touched | _OWNED * memory.owned,
        memory.traits,
        memory.group_traits,
    )
    return _encoder.encode(wire)


def is_alive(memory: Memory, now: float) -> bool:
    """Tell whether *memory* is at most a year old and not from a future beyond the leeway."""
    return memory.seen - LEEWAY <= now <= memory.seen + YEAR + LEEWAY


def key_bytes(name: str, key: object) -> bytes:
    """Return a signing key as bytes, or raise `ConfigurationError` if it protects nothing.

    Takes str, bytes, Starlette's `Secret` and pydantic's `SecretStr`; the error never quotes it.
    """
    reveal = getattr(key, "get_secret_value", None)
    value = reveal() if callable(reveal) else key
    if isinstance(value, bytes):
        text = value.decode("latin-1")
    elif isinstance(value, str) or type(value).__name__ == "Secret":
        text = str(value)
    else:
        raise ConfigurationError(
            f"{name} was given {type(value).__name__}; want a str or bytes of random text"
        )
    if len(text) < _MIN_KEY:
        given = "an empty one" if not text else f"one of {len(text)} characters"
        raise ConfigurationError(
            f"{name} was given {given}; want at least {_MIN_KEY} random characters, "
            'for example from: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    if len(set(text)) < _MIN_DISTINCT or _is_guessable(text):
        raise ConfigurationError(
            f"{name} was given a value anyone could guess; want random text, "
            'for example from: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return value if isinstance(value, bytes) else text.encode("utf-8", "surrogatepass")


def _is_guessable(text: str) -> bool:
    lowered = text.lower()
    if any(lowered in each or lowered in each[::-1] for each in _SEQUENCES):
        return True
    letters = "".join(filter(str.isalpha, lowered))
    return bool(letters) and not _WORDS.sub("", letters)


def _unbase64(body: bytes) -> bytes | None:
    try:
        return base64.b64decode(body + b"=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def _decode(plain: bytes) -> Memory | None:
    try:
        wire = msgspec.json.decode(plain, type=_Wire)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if wire.version != VERSION:
        return None
    return Memory(
        wire.anonymous_id,
        wire.user_id,
        wire.group_id,
        wire.issued,
        wire.seen,
        wire.nonce,
        bool(wire.flags & _TOUCHED),
        wire.traits,
        wire.group_traits,
        bool(wire.flags & _OWNED),
    )

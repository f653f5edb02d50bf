"""The templates of the corpus: signed cookies, good, old, foreign and torn.

`{S}` comes from a real response of the middleware, so that the templates test the cookie as it is
on the wire. Other times, keys and salts come from the pure signing core; a control test holds that
both write the same format.
"""

import base64
import hashlib
import json
import re
import time
from functools import cache
from typing import Final
from uuid import uuid4

from itsdangerous import Signer

from segment_identity.signing import SALT, Memory, MemorySigner

from .drive import KEY_NEW, KEY_OLD, identified

U: Final = "bd077b70-816b-448b-ae79-2f5f7d856513"
V: Final = "39ee7ea5-b6d8-4174-b612-04e1ef3fa952"
KEY_REMOVED: Final = "test-removed-22222222222222222222222222222222"

_TEMPLATE: Final = re.compile(r"\{([A-Z][A-Z_0-9]*)(?:([:|])([^{}]*))?\}")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def rendered(raw: str, scheme: str) -> str:
    """Return *raw* with its templates filled in for requests of *scheme*."""

    def fill(match: re.Match[str]) -> str:
        name, mark, argument = match[1], match[2], match[3] or ""
        if mark == "|":
            return _torn(_plain(name, "", scheme), argument)
        return _plain(name, argument, scheme)

    return _TEMPLATE.sub(fill, raw)


@cache
def issued(scheme: str, user_id: str = "alice") -> tuple[str, str]:
    """Return name and value of the signed cookie that the middleware gives *user_id* with U."""
    return identified(user_id, f"ajs_anonymous_id={U}".encode(), scheme)


def signed(offset: int = 0, *, key: str = KEY_NEW, user_id: str = "alice", anon: str = U) -> str:
    """Return a token whose times are *offset* seconds from now, made by the signing core."""
    now = int(time.time()) + offset
    memory = Memory(anon, user_id, None, now, now, uuid4().hex, touched=True)
    return MemorySigner([key.encode()]).dumps(memory).decode("ascii")


def salted(salt: bytes, key: str = KEY_NEW) -> str:
    """Return a token of our form whose signature was derived with *salt*."""
    body = signed().rpartition(".")[0].encode()
    signer = Signer(key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
    return (body + b"." + signer.get_signature(body)).decode("ascii")


def _plain(name: str, argument: str, scheme: str) -> str:
    match name:
        case "U":
            return U
        case "V":
            return V
        case "SN":
            return issued(scheme)[0]
        case "S" | "S_BEFORE_RESET":
            return issued(scheme)[1]
        case "S_OTHER_USER":
            return issued(scheme, "bob")[1]
        case "SPLICE":
            ours, theirs = signed(user_id="alice", anon=V), issued(scheme)[1]
            return ours.rpartition(".")[0] + "." + theirs.rpartition(".")[2]
        case "DOTS":
            return "." * int(argument)
        case "B64":
            return (_ALPHABET * (int(argument) // len(_ALPHABET) + 1))[: int(argument)]
        case _ if name.startswith("SIGN_"):
            return _foreign(name, argument)
    raise ValueError(f"unknown template {name!r}")


def _foreign(name: str, argument: str) -> str:
    match name:
        case "SIGN_AT":
            return signed(int(argument))
        case "SIGN_OLD_KEY":
            return signed(key=KEY_OLD)
        case "SIGN_REMOVED_KEY":
            return signed(key=KEY_REMOVED)
        case "SIGN_EMPTY_KEY":
            return signed(key="")
        case "SIGN_KEY":
            return signed(key=argument)
        case "SIGN_SALT":
            return salted(argument.encode())
        case "SIGN_WRONG_SALT":
            return salted(SALT + b".other")
        case "SIGN_TS_BYTES":
            return _timed(int.from_bytes(bytes.fromhex(argument)))
    raise ValueError(f"unknown template {name!r}")


def _timed(seconds: int) -> str:
    """Return a token whose times are *seconds* themselves, however absurd."""
    body = signed().rpartition(".")[0]
    array = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    array[4] = array[5] = seconds
    strange = base64.urlsafe_b64encode(json.dumps(array).encode()).rstrip(b"=")
    signer = Signer(KEY_NEW, salt=SALT, key_derivation="hmac", digest_method=hashlib.sha256)
    return (strange + b"." + signer.get_signature(strange)).decode("ascii")


def _torn(token: str, operation: str) -> str:
    body, _, signature = token.rpartition(".")
    verb, _, argument = operation.partition(":")
    match verb:
        case "drop_last_segment":
            return body
        case "first_segment":
            return token.partition(".")[0]
        case "empty_last_segment":
            return body + "."
        case "flip":
            index = int(argument)
            return token[:index] + chr(ord(token[index]) ^ 1) + token[index + 1 :]
        case "last_char_variant":
            # The two lowest bits of the last of 43 characters carry nothing.
            return token[:-1] + _ALPHABET[_ALPHABET.index(token[-1]) ^ 1]
        case "junk_in_sig":
            return f"{body}.{signature[:5]}!!{signature[5:]}"
        case "pct_all":
            return "".join(f"%{ord(each):02X}" for each in token)
    raise ValueError(f"unknown operation {operation!r}")

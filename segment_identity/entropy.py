"""Randomness, kept out of the core."""

import os


def new_uuid() -> str:
    """Return a random UUID, version 4 (RFC 9562 section 5.4)."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_nonce() -> str:
    """Return 64 random bits as text."""
    return os.urandom(8).hex()

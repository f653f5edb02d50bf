"""Put a body together from its pieces, and unpack it, within bounds that no client can move."""

import zlib
from typing import Final

from segment_identity.errors import SegmentIdentityError

# A slow sender may use small pieces, but not one for every byte, nor empty ones for ever.
_MAX_PIECES: Final = 1_000
# gzip's format with the largest window, and nothing else that zlib would take.
_GZIP: Final = 31
# How much is unpacked at once; the rest of a piece waits its turn.
_STEP: Final = 64 * 1_024


class Malformed(SegmentIdentityError):
    """The client sent what cannot be taken; *status* is the answer."""

    def __init__(self, status: int = 400) -> None:
        super().__init__(status)
        self.status = status


def is_form(content_type: bytes) -> bool:
    """Tell whether a Content-Type is that of a form, which no tracker sends and any page may."""
    said = content_type[:64].strip().lower()
    return said.startswith((b"application/x-www-form-urlencoded", b"multipart/"))


def is_gzipped(encoding: bytes) -> bool:
    """Tell whether a Content-Encoding says gzip; raises `Malformed` for any other but none."""
    said = encoding[:64].strip().lower()
    if said in (b"", b"identity"):
        return False
    if said == b"gzip":
        return True
    raise Malformed(415)


class Body:
    """Collects the pieces of one body; whatever breaks a bound raises `Malformed` at once.

    *limit* is that of the unpacked body. A packed one may not be longer either, and has one layer.
    """

    __slots__ = ("_gzip", "_limit", "_parts", "_pieces", "_size", "_taken")

    def __init__(self, limit: int, *, gzipped: bool) -> None:
        self._limit = limit
        self._gzip = zlib.decompressobj(_GZIP) if gzipped else None
        self._parts: list[bytes] = []
        self._size = self._taken = self._pieces = 0

    def put(self, piece: bytes) -> None:
        """Add the next piece."""
        self._pieces += 1
        self._taken += len(piece)
        if self._pieces > _MAX_PIECES or self._taken > self._limit:
            raise Malformed
        if self._gzip is None:
            self._keep(piece)
        elif piece:
            self._unpack(piece)

    def whole(self) -> bytes:
        """Return the body, of which every piece was put."""
        if self._gzip is not None and not self._gzip.eof:
            raise Malformed
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _unpack(self, piece: bytes) -> None:
        assert self._gzip is not None
        while piece:
            if self._gzip.eof:
                # Another member, or rubbish: nobody who means well sends either.
                raise Malformed
            try:
                self._keep(self._gzip.decompress(piece, _STEP))
            except zlib.error as error:
                raise Malformed from error
            piece = self._gzip.unconsumed_tail or self._gzip.unused_data

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise Malformed
        self._parts.append(part)

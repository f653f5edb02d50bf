"""Read, verify and reconcile the cookies of a request, remembering the outcome for a while."""

from typing import Final

import msgspec

from segment_identity import presented
from segment_identity.cookies import Attributes
from segment_identity.presented import Presented
from segment_identity.reconcile import DAY, STRANGER, Recognised, reconcile
from segment_identity.signing import LEEWAY, Memory, MemorySigner, is_alive

_CAPACITY: Final = 1_024
_MAX_HEADER: Final = 4_096


class Recognition(msgspec.Struct, frozen=True, gc=False):
    """What was presented and who it is; a *steady* one stays true from *since* until *until*."""

    presented: Presented
    found: Recognised
    steady: bool = False
    since: float = 0.0
    until: float = 0.0


NOBODY: Final = Recognition(presented.NOTHING, STRANGER)


class Recogniser:
    """Recognises visitors by their Cookie header.

    A browser sends the same header again and again, and the outcome for a steady visitor depends on
    nothing else until its cookie is due for renewal; so outcomes are kept, bounded by count and
    size. Only headers whose signature held are kept.
    """

    __slots__ = ("_browser", "_name", "_recent", "_signer")

    def __init__(self, signer: MemorySigner, attributes: Attributes, *, browser: bool) -> None:
        self._signer = signer
        self._name = attributes.prefix + presented.MEMORY
        self._browser = browser
        self._recent: dict[bytes, Recognition] = {}

    def recognise(self, header: bytes, now: float) -> Recognition:
        """Return who sent *header*, a joined Cookie header, at *now*."""
        known = self._recent.get(header)
        if known is not None and known.since <= now < known.until:
            return known
        if b"ajs" not in header:
            return NOBODY
        seen = presented.read(header, self._name, browser=self._browser)
        if seen.opted_out:
            return Recognition(seen, STRANGER)
        memories, stale_key = self._memories(seen, now)
        memory = memories[0] if len(memories) == 1 else None
        found = reconcile(
            seen,
            memory,
            now,
            browser=self._browser,
            stale_key=stale_key,
            contested=len(memories) > 1,
        )
        if found.owes or found.memory is None:
            return Recognition(seen, found)
        kept = found.memory
        since, until = float(kept.seen - LEEWAY), float(kept.seen + DAY)
        fresh = Recognition(seen, found, True, since, until)
        if len(header) <= _MAX_HEADER:
            self._keep(header, fresh)
        return fresh

    def _memories(self, seen: Presented, now: float) -> tuple[list[Memory], bool]:
        """Return the different memories presented, and whether an old key signed one of them."""
        memories: list[Memory] = []
        stale_key = False
        for token in seen.tokens:
            opened = self._signer.loads(token)
            if opened is None or not is_alive(opened.memory, now):
                continue
            stale_key |= not opened.current
            same = [_ids(each) for each in memories]
            if _ids(opened.memory) not in same:
                memories.append(opened.memory)
        return memories, stale_key

    def _keep(self, header: bytes, fresh: Recognition) -> None:
        # Single operations instead of a lock, which a fork could leave held for good.
        if len(self._recent) >= _CAPACITY:
            self._recent.clear()
        self._recent[header] = fresh


def _ids(memory: Memory) -> tuple[str, str | None, str | None]:
    return memory.anonymous_id, memory.user_id, memory.group_id

"""A cookie that keeps something for one visitor: what all requests share, and what one does."""

from collections.abc import Callable
from typing import Final, Generic

from segment_identity import cookies, keepsakes
from segment_identity.cookies import Attributes
from segment_identity.keepsakes import Content, Keepsake
from segment_identity.signing import Seal
from segment_identity.visitor import Visitor

_CAPACITY: Final = 1_024


class Keeper(Generic[Content]):
    """Signs and opens the values of one cookie, and remembers for a while what it opened.

    A browser sends the same value again and again. Only values whose signature held are kept.
    """

    __slots__ = ("_kind", "_recent", "_seal", "name")

    def __init__(self, name: bytes, kind: type[Content], seal: Seal) -> None:
        self.name = name
        self._kind = kind
        self._seal = seal
        self._recent: dict[bytes, Keepsake[Content]] = {}

    def dumps(self, keepsake: Keepsake[Content]) -> bytes:
        """Return the cookie value."""
        return keepsakes.dumps(keepsake, self._seal)

    def loads(self, tokens: list[bytes]) -> list[Keepsake[Content]]:
        """Return what the values hold; those of strangers hold nothing."""
        if len(tokens) == 1:
            known = self._recent.get(tokens[0])
            if known is not None:
                return [known]
        found = keepsakes.loads(tokens, self._seal, self._kind)
        if len(tokens) == 1 and found:
            # Single operations instead of a lock, which a fork could leave held for good.
            if len(self._recent) >= _CAPACITY:
                self._recent.clear()
            self._recent[tokens[0]] = found[0]
        return found


class KeepsakeCookie(Generic[Content]):
    """Knows what the browser holds, takes what it should hold, and says how to get it there."""

    __slots__ = ("_attributes", "_current", "_held", "_keeper", "_name", "_short_lived", "_tokens")

    def __init__(
        self,
        keeper: Keeper[Content],
        header: bytes,
        attributes: Attributes,
        short_lived: str | None,
    ) -> None:
        self._keeper = keeper
        self._name = attributes.prefix + keeper.name
        self._attributes = attributes
        self._short_lived = short_lived
        self._tokens = cookies.values(header, self._name)
        self._held = keeper.loads(self._tokens) if self._tokens else []
        self._current = self._held

    def of(self, who: Visitor) -> Content | None:
        """Return what is kept for *who*."""
        mine = keepsakes.mine(self._current, who, self._short_lived)
        return None if mine is None else mine.content

    def last(self) -> Keepsake[Content] | None:
        """Return what is kept, whomever it belongs to."""
        return self._current[0] if self._current else None

    def keep(self, who: Visitor, content: Content) -> None:
        """Keep *content* for *who* in place of what there was."""
        assert who.anonymous_id is not None
        self._current = [Keepsake(who.anonymous_id, who.user_id, content)]

    def set_cookies(
        self, who: Visitor, now: float, is_due: Callable[[Content, Content], bool]
    ) -> list[bytes]:
        """Return the Set-Cookie values by which the browser holds what is kept for *who*.

        None if it does, or if *is_due* says that what it holds (the second) will still do.
        """
        content = self.of(who)
        if content is None or who.anonymous_id is None:
            return self._attributes.delete(self._name) if self._tokens else []
        held = keepsakes.mine(self._held, who)
        if held is not None and held.is_settled(who) and not is_due(content, held.content):
            return []
        _, hidden = self._attributes.endings(now)
        kept = Keepsake(who.anonymous_id, who.user_id, content)
        line = self._name + b"=" + self._keeper.dumps(kept) + hidden
        if len(self._tokens) > 1:
            # A host-only twin of a domain cookie would shadow what is written next.
            return [*self._attributes.delete_host_only(self._name), line]
        return [line]

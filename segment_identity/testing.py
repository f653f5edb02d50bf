"""Help for testing an app: see what it records, in place of sending it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from segment_identity.delivery import diversion
from segment_identity.ids import Id
from segment_identity.messages import Message


class Captured:
    """The messages recorded since `capture()` began, oldest first, as dicts in `messages`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(list(self.messages))

    def __repr__(self) -> str:
        return _listing(self.messages)

    def of_type(self, kind: str) -> list[Message]:
        """Return the messages of one type, such as `"track"`."""
        return [each for each in self.messages if each["type"] == kind]

    def assert_tracked(
        self,
        event: str,
        properties: Mapping[str, Any] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        times: int | None = None,
    ) -> Message:
        """Check that *event* was tracked, with at least these properties; return the first.

        *times* checks how often; otherwise once is enough.
        """
        wanted = _wanted("track", user_id, anonymous_id, event=event)
        return self._assert(wanted, "properties", properties, times)

    def assert_identified(
        self,
        user_id: Id | None = None,
        traits: Mapping[str, Any] | None = None,
        *,
        anonymous_id: Id | None = None,
        times: int | None = None,
    ) -> Message:
        """Check that somebody was identified, with at least these traits; return the first."""
        return self._assert(_wanted("identify", user_id, anonymous_id), "traits", traits, times)

    def assert_page(
        self, name: str | None = None, properties: Mapping[str, Any] | None = None
    ) -> Message:
        """Check that a page was recorded; return the first."""
        named = {} if name is None else {"name": name}
        return self._assert(_wanted("page", None, None, **named), "properties", properties, None)

    def assert_nothing(self) -> None:
        """Check that nothing was recorded."""
        assert not self.messages, f"expected no message, but {_listing(self.messages)}"

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self.messages.clear()

    def _assert(
        self,
        wanted: Mapping[str, Any],
        holder: str,
        parts: Mapping[str, Any] | None,
        times: int | None,
    ) -> Message:
        found = [
            each
            for each in self.messages
            if _has(each, wanted) and _has(each.get(holder, {}), parts or {})
        ]
        said = ", ".join(f"{key}={value!r}" for key, value in wanted.items())
        also = f" with {holder} {dict(parts)!r}" if parts else ""
        recorded = f"but {_listing(self.messages)}"
        if times is None:
            assert found, f"expected a message with {said}{also}, {recorded}"
        else:
            assert len(found) == times, (
                f"expected {times} messages with {said}{also} and found {len(found)}, {recorded}"
            )
        return found[0] if found else {}


@contextmanager
def capture() -> Iterator[Captured]:
    """Record what every `Analytics` of this process would send, and send none of it."""
    captured = Captured()

    def add(event: bytes) -> None:
        captured.messages.append(msgspec.json.decode(event))

    diversion.divert(add)
    try:
        yield captured
    finally:
        diversion.undivert(add)


def _wanted(kind: str, user_id: Id | None, anonymous_id: Id | None, **more: str) -> dict[str, str]:
    given = {"userId": user_id, "anonymousId": anonymous_id}
    return {"type": kind, **more, **{k: str(v) for k, v in given.items() if v is not None}}


def _has(message: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(key in message and message[key] == value for key, value in wanted.items())


def _listing(messages: list[Message]) -> str:
    if not messages:
        return "nothing was recorded"
    return "recorded were:\n" + "\n".join(map(_line, messages))


def _line(message: Message) -> str:
    """Return one line a person can compare with what was expected."""
    name = message.get("event") or message.get("name") or message.get("groupId") or ""
    more = message.get("properties") if "properties" in message else message.get("traits")
    who = f"userId={message.get('userId')!r} anonymousId={message.get('anonymousId')!r}"
    return f"  {message['type']} {name!r} {who} {more!r}"

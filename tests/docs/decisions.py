"""Tell what the server makes of what a browser brings, by asking the real `reconcile`.

The cases are those of the core's own test, which names them; what comes of each is decided here
and now by the code.
"""

from typing import Final

from core.test_reconcile import NOW, TABLE, A, B

from segment_identity.marker import Marker
from segment_identity.presented import Presented
from segment_identity.reconcile import DAY, reconcile
from segment_identity.signing import Memory

_HEAD: Final = (
    "what came",
    "plain cookies",
    "`ajs_sync`",
    "signed",
    "who it is",
    "because",
    "page is told",
)
_TOLD: Final = {None: "", True: "settled", False: "tentative"}
_NAMES: Final = {A: "A", B: "B"}


def table() -> str:
    """Return the decision table in Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for name, case in TABLE.items():
        found = reconcile(case.presented, case.memory, NOW)
        who = _ids(found.visitor.anonymous_id, found.visitor.user_id) or "nobody yet"
        claimed = f"; hint {found.claimed}" if found.claimed else ""
        cells = (
            name,
            _plain(case.presented),
            _marker(case.presented.marker),
            _memory(case.memory),
            who + claimed,
            found.reason.value,
            _TOLD[found.tell],
        )
        rows.append(cells)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _ids(anonymous_id: str | None, user_id: str | None = None) -> str:
    known = _NAMES.get(anonymous_id or "", anonymous_id)
    return ", ".join(filter(None, (known, user_id)))


def _plain(seen: Presented) -> str:
    devices = " and ".join(_NAMES.get(each, f"`{each}`") for each in seen.anonymous_ids)
    said = ", ".join(filter(None, (devices, *seen.user_ids)))
    return " + ".join(filter(None, (said, "`ajs_reset`" if seen.reset else "")))


def _marker(marker: Marker | None) -> str:
    if marker is None:
        return ""
    told = "settled" if marker.settled else "tentative"
    return f"{told}: {_ids(marker.anonymous_id, marker.user_id)}"


def _memory(memory: Memory | None) -> str:
    if memory is None:
        return ""
    return f"{_ids(memory.anonymous_id, memory.user_id)}, {_span(NOW - memory.seen)} ago"


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if seconds < DAY else f"{seconds / DAY:.0f} d"

"""Under which name events are kept for a destination, and whose they are when read again.

How this works
--------------
What a spool holds for a destination outlives the process, and the next one may have others, or the
same in another order. So it is kept under what the destination is (a fingerprint of its address and
key), and not under its position. With it is said whether it was the only one of its kind then: if
it was, and there is one now, that one has it, even with another key or host, which is how a wrong
one is mended. Where it is not sure whose something is, it is nobody's, and stays.

Destinations without a fingerprint, or with the same one, have but their place among those of their
kind; of the former a spool takes no more than one (`destinations.naming`). A name that the app
gives takes the place of all this.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

# "segment@0c3f…" was the only one of its kind, "segment+0c3f…" one of several, as was
# "memory 1 of 2"; "segment" was the only one, or the first as earlier versions had it, and
# "segment 2" the second of those.
_KEPT_AS: Final = re.compile(
    r"(?P<kind>[^@+ ]+)(?:(?P<how>[@+])(?P<mark>[0-9a-f]+)|(?P<place> .*))?"
)


class Keeping(msgspec.Struct, frozen=True):
    """How what is kept for one destination is known again; *name* is what it is kept as."""

    name: str
    kind: str
    fingerprint: str | None = None


def fingerprint(*parts: str) -> str:
    """Return what tells a destination from others and shows nothing of it."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def keeping(kind: str, mark: str | None, place: int, of: int, given: str | None) -> Keeping:
    """Return how events are kept for number *place* of so many destinations of a *kind*.

    *mark* is its fingerprint, *given* the name that the app gave it.
    """
    if given is not None:
        name = given
    elif mark is not None:
        name = f"{kind}@{mark}" if of == 1 else f"{kind}+{mark}"
    else:
        name = kind if of == 1 else f"{kind} {place} of {of}"
    return Keeping(name, kind, mark)


def whose(kept_as: str, now: Sequence[Keeping], others: Collection[str]) -> str | None:
    """Return the name of the one of *now* that has what was *kept_as*; None if that is not sure.

    *others* are all names under which something is kept.
    """
    # Earlier versions called the first of several like one that is alone.
    first_of_several = f"{kept_as} 2" in others
    exact = next((each for each in now if each.name == kept_as), None)
    if exact is not None and (not first_of_several or exact.fingerprint is not None):
        return exact.name
    found = _KEPT_AS.fullmatch(kept_as)
    if found is None:
        return None
    kind, how, mark, place = found["kind"], found["how"], found["mark"], found["place"]
    of_kind = [each for each in now if each.kind == kind]
    same = [each for each in now if mark is not None and each.fingerprint == mark]
    if len(same) == 1:
        return same[0].name
    was_alone = how != "+" and place is None and not first_of_several
    return of_kind[0].name if was_alone and len(of_kind) == 1 else None

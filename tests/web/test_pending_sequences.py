"""Whatever happens in between, a call that waits is made once, and for nobody else."""

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from segment_identity.browser import snippet
from segment_identity.pending import LIFE
from segment_identity.signing import LEEWAY

from .support import DOCUMENT, Page, Sites

# So many calls fit into the cookie.
MOST: Final = 6
STEPS: Final = st.lists(
    st.one_of(
        st.sampled_from(["page", "plain page", "prefetch", "fetch", "head", "redirect", "later"]),
        st.sampled_from(["act", "act and show", "show and act", "ada", "bob", "out", "detach"]),
    ),
    min_size=2,
    max_size=14,
)


def do(request: Request) -> Response:
    identity, query = request.state.identity, request.query_params
    if user := query.get("user"):
        identity.identify(user)
    if "out" in query:
        identity.reset(keep_device=query["out"] == "detach")
    if name := query.get("before"):
        identity.track(name, browser=True)
    shown = snippet(request, write_key="w") if "show" in query else ""
    if name := query.get("after"):
        identity.track(name, browser=True)
    if "on" in query:
        return RedirectResponse("/?show", 303)
    return HTMLResponse(f"<title>{identity.anonymous_id} {identity.user_id}</title>{shown}")


PAGES: Final[dict[str, Page]] = {"/": do}


@dataclass
class Expected:
    """What must happen, in as few words as possible."""

    waiting: list[tuple[str, str, str | None]] = field(default_factory=list)
    device: str = ""
    user: str | None = None

    def is_for(self, device: str, user: str | None) -> bool:
        return device == self.device and user in (None, self.user)

    def act(self, name: str) -> None:
        """Whoever is there now is whom everything waits for from now on."""
        own = [each for each, device, user in self.waiting if self.is_for(device, user)]
        self.waiting = [(each, self.device, self.user) for each in [*own, name]]

    def show(self) -> list[str]:
        made = [each for each, device, user in self.waiting if self.is_for(device, user)]
        self.waiting = []
        return made


@settings(max_examples=150)
@given(STEPS)
def test_every_call_is_made_at_most_once_and_for_its_own_visitor(steps: list[str]) -> None:
    with ExitStack() as stack:
        site = Sites(stack)(pages=PAGES)
        site.client.follow_redirects = False
        expected = Expected()

        def go(query: str, **headers: str) -> list[str]:
            answer = site.client.get(f"/?{query}", headers={**DOCUMENT, **headers})
            if who := re.search(r"<title>(\S+) (\S+)</title>", answer.text):
                expected.device = who[1]
                expected.user = None if who[2] == "None" else who[2]
            return re.findall(r'\["track","(call_\d)",', answer.text)

        go("")
        names = [f"call_{number}" for number in range(MOST)]
        for step in steps:
            if step in ("act", "act and show", "show and act") and not names:
                continue
            if step == "act":
                assert go(f"before={names[0]}") == []
                expected.act(names.pop(0))
            elif step == "act and show":
                made = go(f"before={names[0]}&show")
                expected.act(names.pop(0))
                assert made == expected.show()
            elif step == "show and act":
                assert go(f"after={names[0]}&show") == expected.show()
                expected.act(names.pop(0))
            elif step == "page":
                assert go("show") == expected.show()
            elif step == "later":
                site.clock.now += LIFE + LEEWAY + 1
                expected.waiting = []
            elif step in ("ada", "bob"):
                assert go(f"user={step}") == []
            elif step in ("out", "detach"):
                assert go(f"out={step}") == []
            elif step == "head":
                site.client.head("/?show", headers=DOCUMENT)
            elif step == "fetch":
                assert go("show", **{"Sec-Fetch-Dest": "empty"}) == []
            elif step == "prefetch":
                assert go("show", **{"Sec-Purpose": "prefetch"}) == []
            else:
                assert go("on" if step == "redirect" else "") == []

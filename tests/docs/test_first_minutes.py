"""The app of docs/first-minutes.md shows a newcomer their own event in the inspector."""

import time
from pathlib import Path

import httpx

from .pages import blocks, rows, serving


def test_a_newcomer_sees_their_own_event(tmp_path: Path) -> None:
    (program,) = blocks("docs/first-minutes.md")["By an app of your own"]
    with (
        serving(tmp_path, program) as (_, url),
        httpx.Client(base_url=url, headers={"User-Agent": "Mozilla/5.0 Chrome/140.0"}) as browser,
    ):
        you = browser.get("/pricing").json()["you"]
        assert you == browser.cookies["ajs_anonymous_id"]
        home = browser.get("/inspector/").text
        assert f"people?id={you}" in home
        until = time.monotonic() + 20
        while "Pricing Viewed" not in (page := browser.get(f"/inspector/people?id={you}").text):
            assert time.monotonic() < until, page
            time.sleep(0.05)
    assert rows(tmp_path, "SELECT anonymous_id FROM pricing_viewed") == [(you,)]

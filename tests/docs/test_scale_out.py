"""The code of docs/scale-out.md, in as many processes as it speaks of, and its figures."""

import re
import signal
import subprocess
from pathlib import Path

import duckdb
import httpx
import pytest
from servers import UVICORN, in_process
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from warehouse.made import made
from warehouse.support import batch
from web.raw import END, START
from web.support import DOCUMENT

from segment_identity.warehouse import Warehouse
from segment_identity.warehouse.profile_views import SQL

from .pages import ROOT, SETTINGS, blocks, rows, rows_of, running, sections

PAGE = "docs/scale-out.md"
BLOCKS = {heading: found for heading, found in blocks(PAGE).items() if found}


def test_several_workers_know_one_visitor_and_lose_no_event(tmp_path: Path) -> None:
    (block,) = BLOCKS["Several workers"]
    (tmp_path / "spool").mkdir()
    (tmp_path / "shop.py").write_text(SETTINGS + block)
    with in_process(*UVICORN, "--workers", "2", "shop:app", folder=tmp_path) as (process, url):
        # The first connection may come before the workers listen.
        patient = httpx.HTTPTransport(retries=8)
        headers = {"Connection": "close"}
        with httpx.Client(base_url=url, headers=headers, transport=patient) as browser:
            for _ in range(20):
                assert browser.get("/").status_code == 200
            device = browser.cookies["ajs_anonymous_id"]
        end(process)
    counted = rows(tmp_path, "SELECT anonymous_id, count(*) FROM pages GROUP BY 1")
    assert counted == [(device, 20)]


def end(process: "subprocess.Popen[str]") -> None:
    """Stop a server as an operator does."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Say who it is, and log Ada in at the path of that name."""
    identity = scope["state"]["identity"]
    if scope["path"] == "/ada":
        identity.identify("ada")
    await send({**START, "headers": [(b"x-user", str(identity.user_id).encode())]})
    await send(END)


@pytest.mark.parametrize("signer", ["first", "then"])
@pytest.mark.parametrize("reader", ["first", "then"])
def test_a_key_is_replaced_without_forgetting_anybody(
    tmp_path: Path, signer: str, reader: str
) -> None:
    (block,) = BLOCKS["Several machines"]
    keys = 'settings.next_secret_key = "Zp7cWd4e-QgH6uJs1-tests"\n'
    with running(keys + block, tmp_path) as names:
        browser = TestClient(names[signer](tell))
        assert browser.get("/ada", headers=DOCUMENT).headers["x-user"] == "ada"
        again = TestClient(names[reader](tell), cookies=browser.cookies)
        assert again.get("/", headers=DOCUMENT).headers["x-user"] == "ada"


def test_a_warehouse_of_ones_own_says_who_is_who(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = BLOCKS["A warehouse of your own"]
    warehouse = Warehouse(f"sqlite:///{tmp_path}/analytics.db")
    warehouse.send(batch(*made(300, seed=5)))
    warehouse.close()
    (tmp_path / "export").mkdir()
    with running(block, tmp_path):
        pass
    assert "rounds" in capsys.readouterr().out
    query = "SELECT segment_id, canonical_segment_id FROM id_graph ORDER BY 1"
    with duckdb.connect(str(tmp_path / "people.duckdb")) as people:
        found = people.execute(query).fetchall()
    assert len(found) > 10
    assert found == rows(tmp_path, query)


def test_the_page_names_every_dialect() -> None:
    told = rows_of(sections(PAGE)["A warehouse of your own"], "engine")
    assert {cells[1].strip("`") for cells in told} == {
        each.name for each in SQL.iterdir() if each.is_dir()
    }


def test_a_public_page_gets_no_cookie_and_another_is_private(tmp_path: Path) -> None:
    (block,) = BLOCKS["CDN and caches"]
    with running(block, tmp_path) as names, TestClient(names["app"]) as browser:
        pricing = browser.get("/pricing", headers=DOCUMENT)
        assert "set-cookie" not in pricing.headers
        assert pricing.headers["cache-control"] == "public, s-maxage=600"
        assert "<script" in pricing.text
        behind = {**DOCUMENT, "X-Forwarded-For": "203.0.113.77", "X-Forwarded-Proto": "https"}
        account = browser.get("/account", headers=behind)
        assert "__Host-ajs_identity=" in account.headers["set-cookie"]
        assert account.headers["cache-control"] == "private"
        assert account.headers["vary"] == "Cookie"
    assert rows(tmp_path, "SELECT name, context_ip FROM pages") == [("Account", "203.0.113.0")]


@pytest.mark.parametrize(
    "said", ["public", "s-maxage", "immutable", "CDN-Cache-Control", "Surrogate-Control"]
)
def test_what_the_page_says_of_public_responses_holds(said: str, tmp_path: Path) -> None:
    assert f"`{said}`" in sections(PAGE)["CDN and caches"]
    (block,) = BLOCKS["CDN and caches"]
    header = said if "Control" in said else "Cache-Control"
    value = {"public": "public", "immutable": "immutable"}.get(said, "s-maxage=60")
    told = f'"{header}": "{"max-age=60" if header != "Cache-Control" else value}"'
    block = block.replace('"Cache-Control": "public, s-maxage=600"', told)
    with running(block, tmp_path) as names, TestClient(names["app"]) as browser:
        assert "set-cookie" not in browser.get("/pricing", headers=DOCUMENT).headers


def test_prometheus_is_shown_the_counts(tmp_path: Path) -> None:
    (block,) = BLOCKS["Watching it"]
    with running(block, tmp_path) as names, TestClient(names["app"]) as scraper:
        names["analytics"].identity(user_id="u-1").track("Seen")
        assert names["analytics"].flush(10)
        shown = scraper.get("/metrics/").text
    line = r'segment_identity_events_total\{.*destination="warehouse".*"delivered".*\} 1\.0'
    assert re.search(line, shown)


MEASURED = {
    "delivery by one process, in memory": ("delivery", 2, "ours, in memory", 1),
    "CPU time of all threads per event, in memory": ("delivery", 2, "ours, in memory", 3),
    "`TrackingAPI`": ("ingest", 1, "30", 5),
    "loading SQLite": ("warehouse", 1, "SQLite, with profiles", 4),
    "loading PostgreSQL": (
        "warehouse",
        1,
        "PostgreSQL, with profiles (the loader's CPU time)",
        4,
    ),
}


@pytest.mark.parametrize("start", MEASURED)
def test_a_figure_of_the_page_is_about_the_one_measured(start: str) -> None:
    """Within a factor of two, as each run of a benchmark moves it."""
    name, occurrence, row, column = MEASURED[start]
    told = next(
        cells[1]
        for cells in (
            line.strip("| ").split(" | ")
            for line in sections(PAGE)["What was measured"].splitlines()
        )
        if cells[0].startswith(start)
    )
    results = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text("utf-8")
    lines = re.findall(rf"^\| {re.escape(row)} \|.*$", results, re.MULTILINE)
    measured = lines[occurrence - 1].strip("|").split("|")[column]
    assert number(measured) / 2 < number(told) < number(measured) * 2


def number(text: str) -> float:
    found = re.search(r"[\d,.]+", text)
    assert found is not None
    return float(found[0].replace(",", ""))

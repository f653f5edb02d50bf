"""Events come out of a warehouse as the messages that made it, and make the same one again."""

import gzip
import io
import json
import threading
from pathlib import Path
from typing import Any, Final

import pytest

from segment_identity import ConfigurationError, InvalidCall
from segment_identity.importing import Imported, import_events
from segment_identity.messages import Message
from segment_identity.warehouse import Warehouse
from segment_identity.warehouse.export import Exported, export_events

from .made import fitting, made
from .support import Database, batch, message

CONTEXT: Final = {
    "ip": "203.0.113.0",
    "userAgent": "Safari",
    "page": {"path": "/", "url": "https://shop.example/"},
    "campaign": {"source": "news"},
    "library": {"name": "segment_identity", "version": "1"},
    "consent": {"categoryPreferences": {"analytics": True}},
}
ODD: Final[list[Message]] = [
    message(1, "page", name="Home", category="Docs", properties={"url": "/", "n": 1.5}),
    message(2, "screen", name="Start", properties={}),
    message(3, event="Bought", context=CONTEXT, properties={"items": [{"sku": "a"}, 2], "id": 7}),
    message(4, event="\u6ce8\u6587", properties={"Plan": "pro"}),
    message(5, event="users", properties={"at": "2026-01-31T12:00:00.000001+02:00", "gift": True}),
    message(6, "identify", userId=None, traits={"plan": "free", "tags": ["a", "b"]}),
    message(7, "group", groupId="acme", traits={"size": 2**62}),
    message(8, "alias", previousId="device-0"),
    message(9, event="Bought", anonymousId=None, properties={"items": "none", "gift": "maybe"}),
]


def lines(file: Path) -> list[Message]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def loaded(url: str, events: list[Message]) -> None:
    warehouse = Warehouse(url)
    for start in range(0, len(events), 200):
        warehouse.send(batch(*events[start : start + 200]))
    warehouse.close()


def everything(database: Database) -> dict[str, list[Any]]:
    """Return all rows, with what is JSON in them read, as its order does not matter."""
    return {
        table: sorted(
            (
                str({name: _read(value) for name, value in sorted(row.items())})
                for row in rows
                if table != "profile_keys"
            ),
        )
        for table, rows in database.everything().items()
    }


def _read(value: object) -> object:
    if isinstance(value, str) and value.startswith("{"):
        return sorted((key, sorted(names)) for key, names in json.loads(value).items())
    return value


def test_an_export_makes_the_same_tables_again(
    database: Database, other: Database, tmp_path: Path
) -> None:
    events = [*ODD, *fitting(700, seed=7)]
    # Types come from the first values, and an export is in the order of times.
    events.sort(key=lambda each: (each["timestamp"], each["messageId"]))
    loaded(database.url, events)
    file = tmp_path / "events.ndjson"
    assert export_events(database.url, file) == Exported(709)
    assert import_events(file, other.url) == Imported(709, 709)
    assert everything(other) == everything(database)


def test_events_are_in_the_order_of_their_times(database: Database, tmp_path: Path) -> None:
    loaded(database.url, made(1_300, seed=8))
    file = tmp_path / "events.ndjson"
    export_events(database.url, file)
    times = [each["timestamp"] for each in lines(file)]
    assert (len(times), times) == (1_300, sorted(times))


def test_a_window_has_its_first_moment_and_not_its_last(database: Database, tmp_path: Path) -> None:
    loaded(database.url, ODD)
    file = tmp_path / "events.ndjson"
    until = "2026-01-05T13:00:00+01:00"
    assert export_events(database.url, file, since="2026-01-02", until=until) == Exported(3)
    assert [each["messageId"] for each in lines(file)] == ["m-2", "m-3", "m-4"]


def test_a_context_has_its_own_words_again(database: Database, tmp_path: Path) -> None:
    loaded(database.url, ODD)
    file = tmp_path / "events.ndjson.gz"
    export_events(database.url, file)
    with gzip.open(file) as unpacked:
        third = [json.loads(line) for line in unpacked][2]
    assert third["context"] == CONTEXT
    assert third["properties"] == {"items": [{"sku": "a"}, 2], "id": 7}
    assert third["receivedAt"] == third["timestamp"] == "2026-01-03T12:00:00.000Z"


def test_what_had_no_place_in_a_row_is_there_all_the_same(
    database: Database, tmp_path: Path
) -> None:
    loaded(database.url, [message(1, event="Bought", properties={"price": 9})])
    loaded(database.url, [message(2, event="Bought", properties={"price": "free", "Price": 1})])
    file = tmp_path / "events.ndjson"
    export_events(database.url, file)
    assert lines(file)[1]["properties"] in (
        {"price": 1, "price_": "free"},
        {"price": "free", "price_": 1},
    )


def test_a_file_is_there_when_it_is_whole(database: Database, tmp_path: Path) -> None:
    loaded(database.url, made(2_500, seed=9))
    file = tmp_path / "events.ndjson"
    file.write_text("the one before")
    stop = threading.Event()
    told = []

    def halt(done: int, total: int) -> None:
        told.append((done, total))
        stop.set()

    found = export_events(database.url, file, progress=halt, stop=stop)
    assert found == Exported(1_000, is_whole=False)
    assert told[0] == (1_000, 2_500)
    assert file.read_text() == "the one before"
    assert [each.name for each in tmp_path.iterdir() if "ndjson" in each.name] == [file.name]
    stop.clear()
    told.clear()
    assert export_events(database.url, file, progress=lambda *each: told.append(each)) == Exported(
        2_500
    )
    assert told[-1] == (2_500, 2_500)
    assert len(lines(file)) == 2_500


def test_a_stream_takes_events_too(database: Database) -> None:
    loaded(database.url, ODD)
    stream = io.BytesIO()
    assert export_events(database.url, stream) == Exported(len(ODD))
    assert stream.getvalue().count(b"\n") == len(ODD)


def test_what_cannot_be_exported_is_told_at_once(tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path}/missing.db"
    with pytest.raises(ConfigurationError, match="there is no warehouse"):
        export_events(missing, tmp_path / "events.ndjson")
    (tmp_path / "missing.db").touch()
    with pytest.raises(ConfigurationError, match="folder to export to"):
        export_events(missing, tmp_path / "none" / "events.ndjson")
    with pytest.raises(InvalidCall, match="since was given 'soon'"):
        export_events(missing, tmp_path / "events.ndjson", since="soon")
    with pytest.raises(InvalidCall, match="since was given 2026"):
        export_events(missing, tmp_path / "events.ndjson", since=2026)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="is a folder; want a file"):
        export_events(missing, tmp_path)
    with pytest.raises(ConfigurationError, match="was given NoneType; want a file"):
        export_events(missing, None)  # type: ignore[arg-type]
    assert export_events(missing, tmp_path / "events.ndjson") == Exported(0)

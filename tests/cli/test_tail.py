"""Following a warehouse as people do: in a terminal, in a pipe, until Ctrl-C."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from segment_identity.warehouse import Warehouse

from .test_command import command, running
from .test_questions import call


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[Warehouse]:
    """Return a warehouse with some events."""
    warehouse = Warehouse(f"sqlite:///{tmp_path}/analytics.db")
    warehouse.send(
        [
            call(1, "Home", "page", name="Home"),
            call(2, "Clicked", properties={"n": 1}),
            call(3, "x", "identify", userId="ada"),
            call(4, "Evil \x1b[2J\n", userId="ada"),
        ]
    )
    yield warehouse
    warehouse.close()


@pytest.fixture
def url(tmp_path: Path, loading: Warehouse) -> str:
    return f"sqlite:///{tmp_path}/analytics.db"


def following(url: str, *arguments: str) -> AbstractContextManager["subprocess.Popen[str]"]:
    return running("tail", "-w", url, "--every", "0.1", *arguments)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_an_event_is_one_line(url: str) -> None:
    done = command("tail", "-w", url, "--no-follow", "-n", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2026-01-02 12:00:00  track     Clicked                           laptop-1",
        "2026-01-03 12:00:00  identify                                    ada",
        "2026-01-04 12:00:00  track     Evil \ufffd[2J\ufffd                        ada",
    ]


def test_what_is_printed_as_json_is_a_message(url: str) -> None:
    done = command("tail", "-w", url, "--no-follow", "--json", "--event", "clicked")
    [told] = [json.loads(each) for each in done.stdout.splitlines()]
    assert (told["event"], told["properties"], told["anonymousId"]) == (
        "Clicked",
        {"n": 1},
        "laptop-1",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(
    url: str, loading: Warehouse, number: signal.Signals
) -> None:
    with following(url, "--json", "-n", "1") as process:
        assert json.loads(line(process))["userId"] == "ada"
        loading.send([call(5, "Bought")])
        assert json.loads(line(process))["event"] == "Bought"
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (0, "", "")


def test_a_closed_pipe_ends_it(url: str, loading: Warehouse) -> None:
    with following(url) as process:
        assert "Home" in line(process)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        loading.send([call(5, "Bought")])
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--type", "dance"], "tail was given 'dance' as type; want one of"),
        (["--last", "-1"], "--last"),
        (["-w", "sqlite:////no/such/folder/a.db"], "does not exist"),
        (["--every", "0"], "--every"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(url: str, arguments: list[str], wanted: str) -> None:
    done = command("tail", "-w", url, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert wanted in done.stderr

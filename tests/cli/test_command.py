"""The command: its words, its exit codes, and what it says without its extras."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from delivery.support import run
from servers import python

import segment_identity


def command(*arguments: str, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `python -m segment_identity` with *arguments*."""
    return subprocess.run(
        [sys.executable, "-W", "error", *flags, "-m", "segment_identity", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def running(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> AbstractContextManager["subprocess.Popen[str]"]:
    """Run `python -m segment_identity` for as long as the block needs."""
    program = ("-W", "error", "-m", "segment_identity")
    return python(*program, *arguments, environment=environment, stderr=subprocess.PIPE)


def test_the_script_is_installed_and_says_its_version() -> None:
    script = Path(sys.executable).parent / "segment-identity"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == segment_identity.__version__
    assert command("--version").stdout == done.stdout


def test_help_names_every_command() -> None:
    done = command("--help")
    assert done.returncode == 0
    for name in ("consume", "doctor", "import", "replay", "whois"):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["consume", "kafka://b/t"], "destination"),
        (["consume", "kafka://u:s3cr3t@b", "memory:"], "want 'kafka://broker1:9092"),
        (["consume", "kafka://b/t", "https//s3cr3t@host"], "a text without ':'"),
        (["consume", "kafka://b/t?sasl.pasword=s3cr3t", "memory:"], "mean 'sasl.password'"),
        (["consume", "kafka://b/t?linger.ms=0", "sqlite:////no/such/s.db"], "does not exist"),
        (["consume", "kafka://b/t", "memory:", "--batch", "0"], "--batch"),
        (["consume", "kafka://b/t", "memory:", "--until-idle", "0"], "want a number above 0"),
        (["consume", "kafka://b/t", "memory:", "--gruop", "x"], "--gruop"),
        (["consumme"], "consumme"),
    ],
)
def test_wrong_arguments_are_told_in_words_with_code_2(arguments: list[str], wanted: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert wanted in done.stderr
    assert "s3cr3t" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from segment_identity.cli.main import main
main(["consume", "kafka://user:pass@broker/topic", "memory:"])
"""


@pytest.mark.parametrize(("package", "extra"), [("typer", "cli"), ("confluent_kafka", "kafka")])
def test_without_its_extra_the_command_says_what_to_install(package: str, extra: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, package],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"pip install 'segment-identity[{extra}]'" in done.stderr
    assert "pass" not in done.stderr
    assert "Traceback" not in done.stderr


IN_WORDS = """
from segment_identity.cli.consume import in_words
from segment_identity.consumption import Report
print(in_words(Report(12_000, 11_990, {"not_json": 2, "refused": 1}, 7, 3)))
print(in_words(Report()))
"""


def test_a_report_reads_as_a_sentence() -> None:
    assert run(IN_WORDS).splitlines() == [
        "12,000 read: 11,990 delivered, 3 among the dead letters (not_json: 2, refused: 1), "
        "7 left to the next reader; 3 attempts made again",
        "0 read: 0 delivered, 0 among the dead letters, 0 left to the next reader; "
        "0 attempts made again",
    ]


SELDOM = """
import atexit, gc
from segment_identity.cli.main import main

usual = gc.get_threshold()[0]
atexit.register(lambda: print(gc.get_threshold()[0] > 10 * usual, gc.get_freeze_count() > 0))
main(["import", "--help"])
"""


def test_a_command_looks_for_garbage_seldom_and_not_at_what_it_began_with() -> None:
    assert run(SELDOM).splitlines()[-1] == "True True"


STOPPING = """
import os, signal, sys
from segment_identity.cli.signals import stopping

before = signal.getsignal(signal.SIGTERM)
with stopping() as stop:
    assert not stop.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.wait(5)
assert signal.getsignal(signal.SIGTERM) == before
with stopping() as stop:
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.wait(5)
    os.kill(os.getpid(), signal.SIGTERM)
    stop.clear()
    stop.wait(5)
"""


def test_the_second_signal_ends_what_the_first_did_not() -> None:
    run(STOPPING, expect=-15)

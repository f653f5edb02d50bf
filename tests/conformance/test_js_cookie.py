"""Cookies are spelt byte for byte as the real js-cookie spells them, and read as it reads them."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from segment_identity import cookies, ids

HERE: Final = Path(__file__).parent
NODE: Final = shutil.which("node")
# Each ASCII character by itself, and a few of what lies beyond.
LETTERS: Final = [chr(number) for number in range(0x20, 0x7F)] + list("\xa0é漢\u2028\ufeff🦊")
SEED: Final = 20_260_131
pytestmark = pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / "js-cookie").is_dir(),
    reason="needs Node 20 or newer, and `npm ci` done in tests/conformance",
)


def texts() -> list[str]:
    """Return every letter alone, and random texts of letters that matter to cookies."""
    dice = random.Random(SEED)
    telling = [*LETTERS, *'%%%;;,,""\\\\==&&++  {}[]', "%41", "%ff", "%2525", "\U0010ffff"]
    many = ["".join(dice.choices(telling, k=dice.randint(1, 24))) for _ in range(3_000)]
    anywhere = [
        "".join(chr(each) for each in dice.choices(range(0x20, sys.maxunicode), k=6))
        for _ in range(1_000)
    ]
    return LETTERS + many + [each for each in anywhere if each.isprintable()]


@pytest.fixture(scope="module")
def answers() -> list[tuple[str, str, str]]:
    """Return texts, how js-cookie writes each and what it reads from that."""
    asked = texts()
    done = subprocess.run(
        [str(NODE), str(HERE / "js_cookie.cjs")],
        input=json.dumps(asked),
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return [(text, *each) for text, each in zip(asked, said, strict=True)]


def test_every_text_is_written_as_js_cookie_writes_it(answers: list[tuple[str, str, str]]) -> None:
    assert len(answers) > 3_000
    ours = [cookies.encode_raw(text.encode()).decode("ascii") for text, _, _ in answers]
    assert ours == [written for _, written, _ in answers]


def test_every_id_is_read_as_js_cookie_reads_it(answers: list[tuple[str, str, str]]) -> None:
    """Texts in which Analytics.js itself sees JSON are another matter, so they are left out."""
    plain = [each for each in answers if ids.problem(each[0]) is None and each[0][0] not in '"[{']
    assert len(plain) > 2_000
    ours = [cookies.decode(written.encode()) for _, written, _ in plain]
    assert ours == [read for _, _, read in plain]

"""The doctor finds the fault of every sick app, by that name alone, and none in a healthy one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from servers import UVICORN, in_process

from .apps import SCRIPTS

TESTS: Final = Path(__file__).parents[1]


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """Serve all shops and give the address."""
    command = (*UVICORN, *options, "doctor.apps:app")
    environment = {"PYTHONPATH": str(TESTS)}
    with in_process(*command, folder=TESTS, environment=environment) as (_, url):
        yield url


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Serve the shops over http."""
    with serving("--no-proxy-headers") as url:
        yield url


def doctor(
    *arguments: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run the command where the apps can be imported."""
    return subprocess.run(
        [sys.executable, "-m", "segment_identity", "doctor", *arguments],
        cwd=TESTS,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def codes(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return the codes of the findings, whose exit code must fit."""
    found = [each["code"] for each in json.loads(done.stdout)]
    assert done.returncode == (1 if found else 0), done.stderr
    return found


@pytest.mark.parametrize(
    ("shop", "wanted"),
    [
        ("healthy", []),
        ("server-only", []),
        ("in-turns-with-one-key", []),
        ("bare", ["no_identity"]),
        ("excluded", ["no_identity"]),
        ("public", ["public_page"]),
        ("merging", ["lost_cookies"]),
        ("wrong-domain", ["wrong_domain"]),
        ("made-public", ["cached_cookie"]),
        ("cache", ["shared_by_cache"]),
        ("in-turns", ["not_kept"]),
        ("published", ["public_key"]),
    ],
)
def test_each_fault_is_found_from_outside(site: str, shop: str, wanted: Sequence[str]) -> None:
    assert codes(doctor(f"{site}/{shop}/", "--json")) == wanted


@pytest.mark.parametrize(("shop", "wanted"), [("healthy", []), ("trusting", ["trusts_anybody"])])
def test_an_app_that_believes_anybody_is_found(site: str, shop: str, wanted: Sequence[str]) -> None:
    # Another way to write the address, which does not read as that of this machine.
    elsewhere = site.replace("127.0.0.1", "0x7f000001")
    assert codes(doctor(f"{elsewhere}/{shop}/", "--json")) == wanted


@pytest.mark.parametrize(
    ("shop", "host", "wanted"),
    [
        ("healthy", "localhost", []),
        ("healthy", "www.shop.example", []),
        ("secure", "localhost", []),
        ("secure", "www.shop.example", ["secure_over_http"]),
        ("bare", "localhost", ["not_installed"]),
        ("twice", "localhost", ["twice"]),
        ("merging", "localhost", ["lost_cookies"]),
        ("careless", "localhost", ["said"]),
        ("published", "localhost", ["public_key"]),
    ],
)
def test_each_fault_is_found_from_inside(shop: str, host: str, wanted: Sequence[str]) -> None:
    assert codes(doctor(f"doctor.apps:{shop}", "--host", host, "--json")) == wanted


@pytest.mark.skipif(not SCRIPTS.exists(), reason="needs `npm ci` done in tests/conformance")
@pytest.mark.parametrize(
    ("version", "host", "wanted"),
    [
        ("1.84.3", "localhost", []),
        ("1.84.1", "localhost", ["old_script"]),
        ("1.84.3", "www.shop.example", ["host_only"]),
    ],
)
def test_analytics_js_in_the_page_is_looked_at(
    version: str, host: str, wanted: Sequence[str]
) -> None:
    done = doctor("doctor.apps:healthy", "--path", f"/{version}/page", "--host", host, "--json")
    assert codes(done) == wanted


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Make a certificate for this machine."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    made, key = str(folder / "made.pem"), str(folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", made),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


def test_a_proxy_that_is_not_trusted_is_found(certificate: tuple[str, str]) -> None:
    made, key = certificate
    trust = {"SSL_CERT_FILE": made}
    with serving("--ssl-certfile", made, "--ssl-keyfile", key) as site:
        found = {
            shop: codes(doctor(f"{site}/{shop}/", "--json", environment=trust))
            for shop in ("healthy", "behind-a-proxy", "behind-a-trusted-proxy")
        }
    assert found == {
        "healthy": [],
        "behind-a-proxy": ["untrusted_proxy"],
        "behind-a-trusted-proxy": [],
    }


def test_a_finding_names_the_suspect_and_what_to_do() -> None:
    done = doctor("doctor.apps:merging")
    assert done.returncode == 1
    assert "Merging" in done.stdout
    assert "→" in done.stdout
    assert "[lost_cookies]" in done.stdout


@pytest.mark.parametrize(
    ("target", "code", "wanted"),
    [
        ("http://127.0.0.1:9/", 1, "does not answer"),
        ("ftp://shop.example/", 2, "want https://host/path"),
        ("no_such_module:app", 2, "no_such_module"),
        ("doctor.apps:no_such_app", 2, "no_such_app"),
        ("doctor.apps:KEY", 2, "no ASGI app"),
    ],
)
def test_what_cannot_be_looked_at_is_told_in_words(target: str, code: int, wanted: str) -> None:
    done = doctor(target)
    assert done.returncode == code
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr

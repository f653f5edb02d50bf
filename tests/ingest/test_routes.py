"""Paths, with and without what SDKs and mounts put in front of them."""

import pytest

from segment_identity.ingest import routes


@pytest.mark.parametrize(
    ("letter", "word", "wanted"),
    [
        ("i", "identify", "identify"),
        ("t", "track", "track"),
        ("p", "page", "page"),
        ("s", "screen", "screen"),
        ("g", "group", "group"),
        ("a", "alias", "alias"),
        ("b", "batch", "batch"),
        ("m", "m", "metrics"),
        ("import", "import", "batch"),
    ],
)
@pytest.mark.parametrize(
    ("before", "root"),
    [("/v1/", "/v1"), ("/", ""), ("/v1/", ""), ("/v1/v1/", "/v1"), ("/v1//", "/v1"), ("//v1/", "")],
)
def test_every_path_is_known(letter: str, word: str, wanted: str, before: str, root: str) -> None:
    for path in (before + letter, before + word, before + word + "/"):
        assert routes.route(path, root) == wanted


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/x", "/v1/track/x", "/v1/T", "/v1/../t", "/v1/t\0"]
)
def test_no_other_path_is_known(path: str) -> None:
    assert routes.route(path, "/v1") is None


def test_a_mount_elsewhere_is_known() -> None:
    assert routes.route("/shop/beacon/v1/batch", "/shop/beacon") == "batch"
    assert routes.route("/shop/t", "/shop") == "track"


def test_single_messages_have_the_smaller_limit() -> None:
    assert routes.limit("track") == 32 * 1_024
    assert routes.limit("batch") == 500 * 1_024

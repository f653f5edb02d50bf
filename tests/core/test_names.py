"""Tables and columns are named as Segment names them."""

import re
import sqlite3
from contextlib import closing
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.names import ident, table_of

from .samples import WORDS

# What go-snakecase, by which Segment names, says of these (github.com/segmentio/go-snakecase, MIT
# License, its public test vectors); the leading digit's underscore is the warehouse's.
VECTORS: Final = [
    ("@49L0S145_¬fwHƒ0TSLNVp", "49l0s145_fw_h_0tslnvp"),
    ("lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"),
    ("samPLE text", "sam_ple_text"),
    ("sample text", "sample_text"),
    ("sample-text", "sample_text"),
    ("sample_text", "sample_text"),
    ("sample___text", "sample_text"),
    ("sampleText", "sample_text"),
    ("inviteYourCustomersAddInvites", "invite_your_customers_add_invites"),
    ("sample 2 Text", "sample_2_text"),
    ("   sample   2    Text   ", "sample_2_text"),
    ("   $#$sample   2    Text   ", "sample_2_text"),
    ("SAMPLE 2 TEXT", "sample_2_text"),
    ("___$$Base64Encode", "base64_encode"),
    ("FOO:BAR$BAZ", "foo_bar_baz"),
    ("FOO#BAR#BAZ", "foo_bar_baz"),
    ("something.com", "something_com"),
    ("$something%", "something"),
    ("something.com", "something_com"),
    ("•¶§ƒ˚foo˙∆˚¬", "foo"),
    ("CStringRef", "cstring_ref"),
    ("5test", "5test"),
    ("test5", "test5"),
    ("THE5r", "the5r"),
    ("5TEst", "5test"),
    ("_5TEst", "5test"),
    ("@%#&5TEst", "5test"),
    ("edf_6N", "edf_6n"),
    ("f_pX9", "f_p_x9"),
    ("p_z9Rg", "p_z9_rg"),
    ("2FA Enabled", "2fa_enabled"),
    ("Enabled 2FA", "enabled_2fa"),
]


def test_there_are_all_of_the_public_vectors() -> None:
    assert len(VECTORS) == 32


@pytest.mark.parametrize(("name", "snake"), VECTORS)
def test_public_vector_is_met(name: str, snake: str) -> None:
    assert ident(name) == (f"_{snake}" if snake[0].isdigit() else snake)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Signed Up", "signed_up"),
        ("signedUp", "signed_up"),
        ("signed_up", "signed_up"),
        ("SIGNED UP", "signed_up"),
        ("signed-up!", "signed_up"),
        ("CStringRef", "cstring_ref"),
        ("5TEst", "_5test"),
        ("lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"),
        ("2FA Enabled", "_2fa_enabled"),
        ("___$$Base64Encode", "base64_encode"),
        ("samPLE text", "sam_ple_text"),
        ("\u2022\u00b6\u00a7\u0192\u02dafoo\u2219\u2206\u02da\u00ac", "foo"),
        ("firstName", "first_name"),
        ("user.email", "user_email"),
        ("a  b", "a_b"),
        ("id; DROP TABLE users", "id_drop_table_users"),
        ("\u6ce8\u6587", ""),
        ("!!!", ""),
        ("", ""),
        ("\uff11\u0661", ""),
        ("caf\u00e9 bar", "caf_bar"),
        ("order", "_order"),
        ("User", "_user"),
        ("from", "_from"),
        ("_from", "_from"),
        ("from where", "from_where"),
        ("xmin", "_xmin"),
        ("index", "_index"),
        ("x" * 63, "x" * 63),
    ],
)
def test_names_are_segments(name: str, wanted: str) -> None:
    assert ident(name) == wanted


def test_two_long_names_stay_two() -> None:
    one, other = ident("x" * 100), ident("x" * 101)
    assert one != other
    assert len(one) == len(other) == 63


@given(st.text(max_size=120))
def test_a_name_is_safe_in_any_database(name: str) -> None:
    found = ident(name)
    assert len(found) <= 63
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert not found[:1].isdigit()
    assert found == "" or found.strip("_") != ""


def test_name_may_be_longer_elsewhere() -> None:
    assert ident("x" * 100, 127) == "x" * 100
    assert len(ident("x" * 200, 127)) == 127


@pytest.mark.parametrize("word", WORDS)
def test_no_name_wants_quotes_in_sqlite(word: str) -> None:
    """That PostgreSQL wants none either is shown where there is one (tests/warehouse)."""
    table, column = table_of(ident(word), frozenset()), ident(word)
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE {table} (id TEXT, {column} TEXT)")
        database.execute(f"INSERT INTO {table} ({column}) VALUES ('x')")
        found = database.execute(f"SELECT {table}.{column} FROM {table} WHERE {column} = 'x'")
        assert found.fetchall() == [("x",)]


def test_event_has_a_table_of_its_own() -> None:
    taken = frozenset({"users"})
    assert table_of("users", taken) == "_users"
    assert table_of("pg_class", taken) == "_pg_class"
    assert table_of("ix_tracks_user_id", taken) == "_ix_tracks_user_id"
    assert table_of("signed_up_pkey", taken) == "signed_up_pkey_"
    assert table_of(ident("x" * 58 + "_pkey"), taken) == "x" * 58 + "_pke_"
    assert table_of("signed_up", taken) == "signed_up"
    assert len(table_of(ident("pg_" + "x" * 100), taken)) == 63


WIDE: Final = st.text(st.characters(codec="utf-8"), max_size=40)


@given(WIDE)
def test_two_ways_of_naming_agree(name: str) -> None:
    """The one line against a scan that reads one character after another, as go-snakecase does."""
    found, word = [], ""
    for one in name:
        letter = one if one.isascii() and one.isalnum() else ""
        if not letter or (letter.isupper() and re.search("[a-z]", word)):
            found.append(word)
            word = ""
        word += letter
    found.append(word)
    snake = "_".join(filter(None, found)).lower()
    assert ident(name).removeprefix("_") == snake

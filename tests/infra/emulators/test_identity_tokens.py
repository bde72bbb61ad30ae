"""The tokens that all emulators share."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.emulators.identity import tokens

KEY = b"k" * 32
SCOPES = frozenset({"https://www.googleapis.com/auth/cloud-platform"})


def test_a_token_stands_for_whom_it_was_issued() -> None:
    token = tokens.issue(KEY, "trainer@p.iam.gserviceaccount.com", SCOPES, 3600)

    identity = tokens.verify(KEY, token)

    assert token.startswith("ya29.local.")
    assert (identity.email, identity.scopes) == ("trainer@p.iam.gserviceaccount.com", SCOPES)
    assert tokens.verify_header(KEY, f"Bearer {token}") == identity


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "the request has no access token"),
        ("anything", "the access token is malformed"),
        ("ya29.local.e30=", "the access token is malformed"),
        ("ya29.local.e30=.00", "the access token was signed with another key"),
        (f"ya29.local.e30=.{tokens._signature(KEY, 'e30=')}", "the access token is malformed"),
        (f"ya29.local.é.{tokens._signature(KEY, 'é')}", "the access token is malformed"),
        (tokens.issue(b"x" * 32, "a@b", SCOPES, 3600), "the access token was signed with another key"),
        (tokens.issue(KEY, "a@b", SCOPES, -1), "the access token has expired"),
    ],
)
def test_any_other_token_is_refused_with_a_reason(token: str, reason: str) -> None:
    with pytest.raises(tokens.InvalidToken) as refusal:
        tokens.verify(KEY, token)
    assert str(refusal.value) == reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "the request has no access token"),
        ("Bearer ", "the request has no access token"),
        ("Basic abc", "the request authenticates by Basic, not by an access token"),
    ],
)
def test_a_header_without_a_token_is_refused(header: str | None, reason: str) -> None:
    with pytest.raises(tokens.InvalidToken) as refusal:
        tokens.verify_header(KEY, header)
    assert str(refusal.value) == reason


def test_whoever_comes_first_makes_the_key_and_all_others_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "token.key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: tokens.read_key(path), range(64)))
    assert len(keys) == 1
    assert keys == {path.read_bytes()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["token.key"]


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="holds 5 bytes instead of 32; delete it and restart all emulators"):
        tokens.read_key(path)

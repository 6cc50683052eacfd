"""Passwords, names and codes by themselves: what is taken, what is stored, what is the same."""

import pytest

from app.archive import passwords, totp
from app.archive.accountnames import checked_name, name_key
from app.archive.passwords import check_password, hash_password, is_password, one_time_password
from app.errors import Invalid

GOOD = "lange Brücke über dem Fluss"


def test_a_password_is_stored_as_argon2id_with_a_salt_of_its_own() -> None:
    first, second = hash_password(GOOD), hash_password(GOOD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert is_password(first, GOOD)
    assert not is_password(first, GOOD + " ")


def test_however_a_keyboard_composes_its_letters_the_password_is_the_same() -> None:
    assert is_password(hash_password("Bru\u0308cke 12345 ab"), "Br\u00fccke 12345 ab")


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$broken", "$2b$12$abc"])
def test_where_no_hash_is_stored_no_password_is_right(stored: str | None) -> None:
    assert not is_password(stored, "")
    assert not is_password(stored, stored or "x")


def test_no_turn_stays_taken_by_what_failed() -> None:
    for _ in range(3 * passwords.HASHES_AT_ONCE):
        assert not is_password("$argon2id$broken", "x")
    assert is_password(hash_password(GOOD), GOOD)


def test_a_text_too_long_to_be_a_password_is_never_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = hash_password(GOOD)
    monkeypatch.setattr(passwords, "_hasher", None)  # calling it fails
    assert not is_password(stored, "x" * (1 << 20))
    with pytest.raises(Invalid, match="12 to 256 characters, this one 1048576"):
        check_password("x" * (1 << 20), "eve")


def test_an_outdated_hash_is_known_as_such() -> None:
    assert not passwords.is_outdated(hash_password(GOOD))
    assert passwords.is_outdated("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "12 to 256 characters, this one 5"),
        ("", "12 to 256 characters, this one 0"),
        ("elevenchars", "this one 11"),
        ("Good password\x00", "control characters"),
        ("Good password\ud800", "control characters"),
        ("aaaaaaaaaaaaaaaa", "repeats itself"),
        ("abcdefghijklmnop", "repeats itself"),
        ("123456789012", "most common|repeats itself"),
        ("secretsecret", "repeats itself"),
        ("Password1234", "most common"),
        ("ПАРОЛЬ123456", "most common"),
        ("Ivan.Petrov1", "name of the account"),
        ("ivan.petrov-ivan.petrov", "name of the account"),
        ("2024ivan.petrov", "name of the account"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(password: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        check_password(password, "Ivan.Petrov")
    assert caught.value.detail[0]["type"] == "password"
    assert password not in caught.value.message or len(password) < 3


@pytest.mark.parametrize("password", [GOOD, "ночью все кошки серы", "x9$Kq2!mWz7p", "q" * 100 + "wertz uiop"])
def test_a_good_password_is_taken(password: str) -> None:
    check_password(password, "Ivan.Petrov")


def test_a_one_time_password_is_random_and_would_itself_be_taken() -> None:
    made = {one_time_password() for _ in range(20)}
    assert len(made) == 20
    for password in made:
        check_password(password, "admin")


@pytest.mark.parametrize("name", ["Jürgen Groß", "Анна Каренина", "山田太郎", "o.k-1_a@example.org", "Иван Smith", "x"])
def test_names_of_any_script_are_taken(name: str) -> None:
    assert checked_name(f" {name} ") == name


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Admin", "aDMIN"),
        ("Admin", "\uff21\uff44\uff4d\uff49\uff4e"),
        ("Jürgen", "Ju\u0308rgen"),
        ("Groß", "GROSS"),
        ("Анна", "аННА"),
        ("fi", "\ufb01"),
    ],
)
def test_names_that_look_alike_are_one_name(first: str, second: str) -> None:
    assert name_key(first) == name_key(second) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a" * 65,
        "a\x00b",
        "a\nb",
        "a\u200bb",
        "a\u202eb",
        "a\u00a0b",
        "a  b",
        "\ud800",
        "...",
        "\u0430dmin",
        "pаypal",
        "Terminal",
        "retention",
        "anyone (development)",
        "share 1",
        "ann (token x)",
        "<b>x</b>",
    ],
)
def test_names_that_deceive_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        checked_name(name)
    assert name_key(name) is None


def test_a_megabyte_is_no_name_and_is_not_normalised() -> None:
    assert name_key("\ufdfa" * (1 << 20)) is None


# RFC 6238, Appendix B, the key of SHA-1, in six digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(("at_s", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")])
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, at_s * 1_000_000) == at_s // 30
    assert totp.matching_step(RFC_SECRET, f" {code[:3]} {code[3:]} ", at_s * 1_000_000) == at_s // 30


def test_a_clock_may_be_half_a_minute_off_and_no_more() -> None:
    steps = [totp.matching_step(RFC_SECRET, "287082", (59 + 30 * off) * 1_000_000) for off in (-1, 0, 1, 2)]
    assert steps == [1, 1, 1, None]


@pytest.mark.parametrize(
    "code", ["", "287 08", "28708a", "\u0662\u0668\u0667\u0660\u0668\u0662", "2870820", "x" * 9999]
)
def test_what_is_no_six_digits_is_no_code(code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, 59_000_000) is None


def test_recovery_codes_are_read_as_people_type_them() -> None:
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == totp.RECOVERY_CODES
    assert totp.recovery_hash(codes[0]) == totp.recovery_hash(f" {codes[0].upper().replace('-', ' ')}")
    assert totp.recovery_hash(codes[0]) != totp.recovery_hash(codes[1])

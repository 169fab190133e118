from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tune.masking import IBAN_LENGTHS, KINDS, iban_is_valid, luhn_is_valid, mask

KNOWN = {
    # numbers that the issuers publish as examples
    "EMAIL": ["ada@example.org", "Ada.Love-Lace+x@mail.example.co.uk", "müller@käse.example"],
    "IBAN": [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "gb29 nwbk 6016 1331 9268 19",
        "CH9300762011623852957",
        "NO93 8601 1117 947",
        "MT84MALT011000012345MTLCAST001S",
    ],
    "CARD": ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "6011111111111117"],
    "ID": [
        "756.9217.0769.85",
        "7569217076985",
        "123-45-6789",
        "12345678Z",
        "X1234567L",
        "RSSMRA85T10A562S",
        "AB123456C",
        "AB 12 34 56 C",
        "2 55 08 14 168 025 38",
    ],
    "PHONE": [
        "+41 44 668 18 00",
        "+1 (555) 123-4567",
        "+442079460958",
        "0041446681800",
        "044 668 18 00",
        "(020) 7946 0958",
        "01 23 45 67 89",
        "01-23-45-67-89",
        "(212) 555-0123",
        "212-555-0123",
    ],
}
CASES = [(kind, text) for kind, texts in KNOWN.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), CASES, ids=[f"{kind} {text}" for kind, text in CASES])
@pytest.mark.parametrize("frame", ["{}", "Write to {}, please.", "({})", "number:{}\nnext line 12"])
def test_what_is_personal_is_masked_whole(kind: str, text: str, frame: str) -> None:
    assert mask(frame.format(text)) == (frame.format(f"[{kind}]"), Counter({kind: 1}))


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112",  # fails the check digit
        "DE89370400440532013001",
        "756.9217.0769.84",
        "12345678A",
        "RSSMRA85T10A562A",
        "000-45-6789",
        "on 2024-01-15 at 10:30:00",
        "on 01/02/2024 at 10",
        "on 01-02-2024 10:30",
        "0.123456789 and 1,234,567.89",
        "version 1.2.3, build 20240115",
        "user@localhost",
        "pages 100-200, 3000 rows",
        "π ≈ 3.14159265358979",
        "192.168.0.1 and 10.0.0.255",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert mask(text) == (text, Counter())


def test_a_true_number_is_found_behind_a_false_beginning() -> None:
    assert mask("ab12 cd34 DE89 3704 0044 0532 0130 00 and more words")[0] == "ab12 cd34 [IBAN] and more words"
    assert mask("22 4111 1111 1111 1111 12 27")[0] == "22 [CARD] 12 27"
    assert mask("+41446681800+41446681801")[0] == "[PHONE][PHONE]"


words = st.text(alphabet="abcdefghij XYZ,.;:!?\n", max_size=20)


@given(words, words, st.sampled_from(CASES))
def test_masked_wherever_it_stands_in_words(before: str, after: str, case: tuple[str, str]) -> None:
    kind, text = case
    masked, found = mask(f"{before} | {text} | {after}")
    assert text not in masked
    assert found[kind] >= 1


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.data())
def test_every_valid_iban_is_masked_and_a_changed_digit_is_not_one(country: str, data: st.DataObject) -> None:
    length = int(IBAN_LENGTHS[country]) - 4
    body = data.draw(st.text(alphabet="0123456789", min_size=length, max_size=length))
    number = int("".join(str(int(letter, 36)) for letter in f"{body}{country}00"))
    iban = f"{country}{98 - number % 97:02d}{body}"
    assert iban_is_valid(iban)
    assert mask(iban)[0] == "[IBAN]"
    place = data.draw(st.integers(4, len(iban) - 1))
    changed = iban[:place] + str((int(iban[place]) + 1) % 10) + iban[place + 1 :]
    assert not iban_is_valid(changed)


@given(st.text(alphabet="0123456789", min_size=11, max_size=17))
def test_one_check_digit_in_ten_is_luhns(body: str) -> None:
    assert sum(luhn_is_valid(f"4{body}{digit}") for digit in "0123456789") == 1


@given(st.one_of(st.text(), st.text(alphabet="0123456789 +-().@ab/", max_size=80)))
def test_a_second_time_changes_nothing(text: str) -> None:
    once, found = mask(text)
    assert mask(once) == (once, Counter())
    assert set(found) <= set(KINDS)
    assert bool(found) == (once != text)


@given(st.text(alphabet=st.characters(exclude_categories=["Nd"], exclude_characters="@")))
def test_without_a_digit_or_an_at_sign_nothing_changes(text: str) -> None:
    assert mask(text) == (text, Counter())


@pytest.mark.parametrize("piece", ["1", "4 ", "DE89 ", "a.", "a@", "(0", "+1 "])
def test_time_grows_with_the_length_only(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    mask(text)
    # It takes some tenths of a second; a pattern that backtracks over all of it would take hours.
    assert time.process_time() - began < 20

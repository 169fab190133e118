"""Personal data in text, replaced by what kind it was: ``[EMAIL]``, ``[PHONE]``, ``[IBAN]``, ``[CARD]``, ``[ID]``.

A number counts as an account, a card or an id only if its check digits are right, where its kind has any; so an order
number stays. What is masked stays masked: a second time changes nothing.

What it cannot see: names, postal addresses, dates of birth, user names, licence plates; numbers written in words, in
digits other than 0 to 9, with invisible characters between, or split over two messages; phone numbers without a ``+``,
a leading zero or the American grouping; ids of kinds that are not listed here; a mistyped IBAN. And a number that only
happens to pass (one in ten of those with a card's length and first digit) is masked although it is nobody's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

Judge = Callable[[str], int]
"""How many characters of a match, from its beginning, are what the pattern looks for; 0: none."""

__all__ = ["KINDS", "iban_is_valid", "luhn_is_valid", "mask"]

KINDS = ("EMAIL", "IBAN", "CARD", "ID", "PHONE")
"""In the order in which they are looked for: a card must not be taken for a phone number."""

_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")

IBAN_LENGTHS = dict(
    re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22"
        "GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27"
        "MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29"
        "VA22VG24XK20YE30",
    )
)
"""Characters of a country's IBAN: the IBAN Registry of SWIFT (ISO 13616)."""
_IBAN = re.compile(rf"{_START}[A-Za-z]{{2}}[0-9]{{2}}(?:[ -]?[A-Za-z0-9]){{11,30}}")
_CARD = re.compile(r"(?<![0-9A-Za-z])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![0-9A-Za-z])")

_SSN = re.compile(rf"{_START}(?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}-(?!0000)[0-9]{{4}}{_END}")
_AHV = re.compile(rf"{_START}756[.]?[0-9]{{4}}[.]?[0-9]{{4}}[.]?[0-9]{{2}}{_END}")
_DNI = re.compile(rf"{_START}[XYZxyz0-9]-?[0-9]{{7}}-?[A-Za-z]{_END}")
_FISCAL = re.compile(rf"{_START}[A-Za-z]{{6}}[0-9]{{2}}[A-Za-z][0-9]{{2}}[A-Za-z][0-9]{{3}}[A-Za-z]{_END}")
_NINO = re.compile(
    rf"{_START}(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    rf" ?[0-9]{{2}} ?[0-9]{{2}} ?[0-9]{{2}} ?[A-D]{_END}"
)
_NIR = re.compile(rf"{_START}[12] ?[0-9]{{2}} ?[0-9]{{2}} ?[0-9][0-9AB] ?[0-9]{{3}} ?[0-9]{{3}} ?[0-9]{{2}}{_END}")

_REST = r"(?:[ ./-]?[0-9])"
_PHONE = re.compile(
    rf"(?<![0-9A-Za-z+])\+(?:[0-9]{{1,3}} ?\([0-9]{{1,4}}\){_REST}{{4,12}}|[0-9]{_REST}{{7,14}})(?![0-9])"  # E.164
    rf"|(?<![0-9A-Za-z.,])00(?!0)[0-9]{_REST}{{7,14}}(?![0-9])"
    r"|(?<![0-9A-Za-z.,])(?![0-9]{2}[/-][0-9]{2}[/-][0-9]{4})"  # a trunk zero, but no date
    r"(?:\(0[1-9][0-9]{0,3}\)|0[1-9][0-9]{0,3})(?:[ /-]{0,2}[0-9]){7,9}(?![0-9A-Za-z]|[.,][0-9])"
    r"|(?<![0-9A-Za-z.,])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}(?![0-9A-Za-z])"  # USA
)


def mask(text: str) -> tuple[str, Counter[str]]:
    """Replace personal data.

    Returns:
        The text, and how many of each kind were found.
    """
    found: Counter[str] = Counter()
    before = None
    # Again until nothing is found: what was masked may have hidden where its neighbour begins. Each time digits or
    # an @ go, so it ends.
    while text != before:
        before = text
        for kind, pattern, judge in _FINDERS:
            text = _replace(text, kind, pattern, judge, found)
    return text, found


def luhn_is_valid(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def iban_is_valid(compact: str) -> bool:
    """Length of the country, and the check digits (ISO 7064, MOD 97-10); upper case, no spaces."""
    if IBAN_LENGTHS.get(compact[:2]) != f"{len(compact):02d}":
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def _replace(text: str, kind: str, pattern: re.Pattern[str], judge: Judge, found: Counter[str]) -> str:
    kept: list[str] = []
    copied = at = 0
    while match := pattern.search(text, at):
        length = judge(match.group())
        # What was refused is looked into again from its second character: it may have taken in a true one's beginning.
        at = match.start() + (length or 1)
        if length:
            found[kind] += 1
            kept += [text[copied : match.start()], f"[{kind}]"]
            copied = at
    return "".join([*kept, text[copied:]])


def _always(text: str) -> int:
    return len(text)


def _if(condition: Callable[[str], bool]) -> Judge:
    """Masks all of a match whose letters and digits, in capitals, meet a condition."""
    return lambda text: len(text) if condition(re.sub("[^A-Z0-9]", "", text.upper())) else 0


def _iban(text: str) -> int:
    """The IBAN at the beginning of a match: words that follow it may have been taken in."""
    wanted = int(IBAN_LENGTHS.get(text[:2].upper(), "0"))
    return _first(text, [wanted] if wanted else [], lambda compact: iban_is_valid(compact.upper()))


def _card(text: str) -> int:
    """The card at the beginning of a match: an expiry date or an amount may have been taken in."""
    lengths = {"3": (16, 15, 14), "4": (19, 16, 13), "6": (19, 18, 17, 16)}.get(text[0], (16,))
    return _first(text, lengths, luhn_is_valid)


def _first(text: str, lengths: Iterable[int], condition: Callable[[str], bool]) -> int:
    """Where the first so many letters and digits end, if no other follows at once and they meet the condition."""
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    for length in lengths:
        if length > len(places):
            continue
        end = places[length - 1] + 1
        if text[end : end + 1].isalnum():
            continue
        if condition("".join(text[place] for place in places[:length])):
            return end
    return 0


def _ahv(number: str) -> bool:
    """Switzerland: EAN-13."""
    return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(number)) % 10 == 0


def _dni(number: str) -> bool:
    """Spain's DNI and NIE: the letter is the number modulo 23."""
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


def _fiscal(code: str) -> bool:
    """Italy's codice fiscale: a sum in which odd places count by a table (decree of 23 December 1976)."""
    odd = "BAKPLCQDREVOSFTGUHMINJWZYX"
    total = 0
    for place, letter in enumerate(code[:-1]):
        value = int(letter) if letter.isdecimal() else ord(letter) - ord("A")
        total += odd.index(chr(ord("A") + value)) if place % 2 == 0 else value
    return chr(ord("A") + total % 26) == code[-1]


def _nir(number: str) -> bool:
    """France's NIR: 97 less the number modulo 97; Corsica's departments 2A and 2B count as 19 and 18."""
    body = number[:5] + {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7]) + number[7:-2]
    return body.isdecimal() and 97 - int(body) % 97 == int(number[-2:])


_FINDERS: tuple[tuple[str, re.Pattern[str], Judge], ...] = (
    ("EMAIL", _EMAIL, _always),
    ("IBAN", _IBAN, _iban),
    ("ID", _AHV, _if(_ahv)),
    ("ID", _NIR, _if(_nir)),
    ("CARD", _CARD, _card),
    ("ID", _SSN, _always),
    ("ID", _DNI, _if(_dni)),
    ("ID", _FISCAL, _if(_fiscal)),
    ("ID", _NINO, _always),
    ("PHONE", _PHONE, _always),
)

"""What of a name, a telephone number or an identity card may be shown to somebody who has not said why she asks."""

from __future__ import annotations

HIDDEN = "*"
#: Digits of a mobile number.
MOBILE = 11


def name(full: str) -> str:
    """The first character and two stars, whatever the length: 张三 and 欧阳修 as 张** and 欧**."""
    return full.strip()[:1] + HIDDEN * 2


def phone(number: str) -> str:
    """138****1234 of a mobile number, country code or not; of any other number its last two digits."""
    digits = "".join(filter(str.isdigit, number))
    if len(digits) == MOBILE + 2 and digits.startswith("86"):
        digits = digits[2:]
    if len(digits) == MOBILE and digits.startswith("1"):
        return digits[:3] + HIDDEN * 4 + digits[-4:]
    return _tail(digits)


def id_card(number: str) -> str:
    """Its last two characters: the place and the birthday are all before them."""
    return _tail(number.strip())


def _tail(text: str) -> str:
    """The last two characters, where that is less than half of it."""
    shown = 2 if len(text) > 4 else 0
    return HIDDEN * (len(text) - shown) + text[len(text) - shown :]

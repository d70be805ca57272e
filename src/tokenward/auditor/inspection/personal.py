"""Personal data in claims: by the name of the claim, and by shapes that prove themselves."""

import re
from collections.abc import Callable
from typing import Literal

from tokenward.tokens.credential_guard import is_card_number
from tokenward.tokens.release import PERSONAL

Weight = Literal["ordinary", "sensitive"]

# Says next to nothing by itself.
_MINOR = frozenset(
    {"email_verified", "phone_number_verified", "locale", "zoneinfo", "picture", "profile", "website"}
)
_SENSITIVE = frozenset(
    ("birthdate", "place_of_birth", "nationalities", "national_id", "ssn", "tax_id", "passport_number",
     "driving_licence_number", "iban", "health", "religion", "address")
)  # fmt: skip

# Other names for the same, without what parts their words.
_ALIASES = {
    "mail": "email", "emailaddress": "email", "useremail": "email", "phone": "phone_number",
    "phonenumber": "phone_number", "mobile": "phone_number", "mobilenumber": "phone_number",
    "telephone": "phone_number", "lastname": "family_name", "surname": "family_name",
    "firstname": "given_name", "fullname": "name", "displayname": "name", "dob": "birthdate",
    "dateofbirth": "birthdate", "birthday": "birthdate", "streetaddress": "address",
    "street": "address", "postalcode": "address", "postcode": "address", "zipcode": "address",
    "homeaddress": "address", "ethnicity": "health", "socialsecuritynumber": "ssn",
    "nationalid": "national_id", "nationalinsurancenumber": "national_id", "nino": "national_id",
    "personalid": "national_id", "steuerid": "tax_id", "codicefiscale": "tax_id", "dni": "national_id",
    "bsn": "national_id", "nhsnumber": "health", "diagnosis": "health", "passport": "passport_number",
    "passportnumber": "passport_number", "bankaccount": "iban", "ipaddr": "ip_address",
    "ip": "ip_address", "upn": "preferred_username", "uniquename": "preferred_username",
}  # fmt: skip

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_PHONE = re.compile(r"\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?")
_SSN = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}")
_NINO = re.compile(
    r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"
)
_DNI = re.compile(r"(?:[XYZ][0-9]{7}|[0-9]{8})[A-Z]")
_CODICE = re.compile(r"[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]")
_NIR = re.compile(r"[12][0-9]{2}(?:0[1-9]|1[0-2])[0-9]{2}[0-9]{3}[0-9]{3}[0-9]{2}")
_GROUPS = str.maketrans("", "", " -")


def by_name(name: str) -> tuple[str, Weight] | None:
    """What personal data a claim of that name holds, in words, and how much it matters who reads it."""
    key = name if name in PERSONAL else _ALIASES.get(re.sub(r"[^a-z]", "", name.lower()), "")
    if not key or key in _MINOR:
        return None
    return PERSONAL[key], "sensitive" if key in _SENSITIVE else "ordinary"


def by_value(text: str) -> tuple[str, Weight] | None:
    """What personal data a value is by its form, in words, and how much it matters who reads it."""
    if len(text) > 100:
        return None
    for what, weight, fits in _SHAPES:
        if fits(text.strip()):
            return what, weight
    return None


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _is_iban(text: str) -> bool:
    """ISO 13616: the number, turned round and read in base 36, is 1 modulo 97."""
    bare = text.replace(" ", "")
    if not _IBAN.fullmatch(text) or not 15 <= len(bare) <= 34:
        return False
    return int("".join(str(int(each, 36)) for each in bare[4:] + bare[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = text.translate(_GROUPS)
    return digits.isdigit() and digits.isascii() and is_card_number(digits)


def _is_dni(text: str) -> bool:
    """Spain: the letter is the number modulo 23."""
    if not _DNI.fullmatch(text):
        return False
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


_ODD = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)


def _is_codice_fiscale(text: str) -> bool:
    """Italy, D.M. 23 December 1976: the last letter is a weighted sum of the others."""
    if not _CODICE.fullmatch(text):
        return False
    total = sum(_ODD[each] for each in text[:15:2])
    total += sum(int(each) if each.isdigit() else ord(each) - 65 for each in text[1:15:2])
    return chr(65 + total % 26) == text[15]


def _is_nir(text: str) -> bool:
    """France: the key is 97 less the number modulo 97."""
    bare = text.replace(" ", "")
    return bool(_NIR.fullmatch(bare)) and 97 - int(bare[:13]) % 97 == int(bare[13:])


_SHAPES: tuple[tuple[str, Weight, Callable[[str], bool]], ...] = (
    ("e-mail address", "ordinary", _matches(_EMAIL)),
    ("bank account (IBAN)", "sensitive", _is_iban),
    ("payment card number", "sensitive", _is_card),
    ("social security number of the United States", "sensitive", _matches(_SSN)),
    ("national insurance number of the United Kingdom", "sensitive", _matches(_NINO)),
    ("national identity number of Spain", "sensitive", _is_dni),
    ("tax number of Italy", "sensitive", _is_codice_fiscale),
    ("social security number of France", "sensitive", _is_nir),
    ("telephone number", "ordinary", _matches(_PHONE)),
)

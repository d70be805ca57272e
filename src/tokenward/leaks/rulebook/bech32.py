"""Bech32 (BIP 173), as age writes its keys: https://github.com/C2SP/C2SP/blob/main/age.md."""

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def valid(text: str, human: str) -> bool:
    """Whether `text`, all in one case, is that human-readable part, "1", and data with a right checksum."""
    if text not in {text.lower(), text.upper()}:
        return False
    head, _, tail = text.lower().rpartition("1")
    if head != human or len(tail) <= _CHECKSUM or not set(tail) <= _VALUES.keys():
        return False
    return _remainder(_expanded(human) + [_VALUES[character] for character in tail]) == 1


def make(human: str, data: bytes) -> str:
    """The text of that data, in lower case."""
    bits = int.from_bytes(data) << (-len(data) * 8 % 5)
    count = (len(data) * 8 + 4) // 5
    values = [bits >> 5 * place & 31 for place in reversed(range(count))]
    rest = _remainder(_expanded(human) + values + [0] * _CHECKSUM) ^ 1
    values += [rest >> 5 * place & 31 for place in reversed(range(_CHECKSUM))]
    return f"{human}1{''.join(_ALPHABET[value] for value in values)}"


def _expanded(human: str) -> list[int]:
    return [ord(character) >> 5 for character in human] + [0] + [ord(character) & 31 for character in human]


def _remainder(values: list[int]) -> int:
    rest = 1
    for value in values:
        top = rest >> 25
        rest = (rest & 0x1FFFFFF) << 5 ^ value
        for place, factor in enumerate(_GENERATOR):
            rest ^= factor if top >> place & 1 else 0
    return rest

"""Random text of the shapes that look-alikes are made of."""

import base64
import json
import uuid
from random import Random


def hexadecimal(random: Random, digits: int) -> str:
    return random.randbytes(digits // 2).hex()


def base64_of(random: Random, size: int) -> str:
    return base64.b64encode(random.randbytes(size)).decode()


def base64url_of(random: Random, size: int) -> str:
    return base64.urlsafe_b64encode(random.randbytes(size)).decode().rstrip("=")


def characters(random: Random, alphabet: str, count: int) -> str:
    return "".join(random.choices(alphabet, k=count))


def uuid4(random: Random) -> str:
    return str(uuid.UUID(bytes=random.randbytes(16), version=4))


def version(random: Random) -> str:
    return f"{random.randrange(9)}.{random.randrange(30)}.{random.randrange(9)}"


def wrapped(text: str, width: int = 64, indent: str = "") -> str:
    return "\n".join(indent + text[at : at + width] for at in range(0, len(text), width))


def document(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"

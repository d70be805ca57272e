"""The inputs that reached something new: one file a target, one Python literal of octets a line."""

import ast
from collections.abc import Iterable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def kept(name: str) -> list[bytes]:
    path = CORPUS / f"{name}.txt"
    return read(path) if path.exists() else []


def keep(name: str, inputs: Iterable[bytes]) -> None:
    (CORPUS / f"{name}.txt").write_text(written(sorted(set(inputs), key=lambda data: (len(data), data))))


def read(path: Path) -> list[bytes]:
    return [ast.literal_eval(line) for line in path.read_text().splitlines()]


def written(inputs: Iterable[bytes]) -> str:
    return "".join(f"{data!r}\n" for data in inputs)

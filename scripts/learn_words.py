"""Writes what the scanner knows of words.

How letters follow each other in them, which ones programmers use, and how much each sign of randomness
counts. Learned from Python's own standard library (identifiers, comments, docstrings and literals), which is
at hand wherever this runs, is large enough, and holds no secrets; signs also from texts drawn at random in
the alphabets that tokens are made of. Run: python scripts/learn_words.py
"""

import ast
import io
import math
import re
import string
import sysconfig
import tokenize
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

TARGET = Path("src/tokenward/leaks/detectors/assignments/learned.py")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0_"
WORDS = 2500


def texts() -> Iterator[str]:
    """Identifiers and words of prose, each as it stands."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")) + sorted(
        Path(sysconfig.get_path("stdlib")).glob("[a-z]*/*.py")
    ):
        if {"site-packages", "test", "idlelib", "lib2to3", "encodings"} & set(path.parts):
            continue
        try:
            source = path.read_text("utf-8")
            ast.parse(source)
            for token in tokenize.generate_tokens(io.StringIO(source).readline):
                if token.type == tokenize.NAME:
                    yield token.string
                elif token.type in {tokenize.COMMENT, tokenize.STRING}:
                    yield from re.findall(r"[A-Za-z_]{2,}", token.string)
        except (OSError, ValueError, SyntaxError, tokenize.TokenError):
            continue


def normal(text: str) -> str:
    """In lower case, digits as 0, the rest as _."""
    return "".join(c if c in ALPHABET else "0" if c.isdigit() else "_" for c in text.lower())


def learn() -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Counts of pairs, and of words."""
    pairs, words = Counter(), Counter()
    for text, count in Counter(texts()).items():
        weight = 1 + int(
            math.log2(count)
        )  # what is written a thousand times is not a thousand times as telling
        for pair in pairwise(normal(text)):
            pairs[pair] += weight
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text):
            if len(word) > 3:
                words[word.lower()] += weight
    return pairs, words


def main() -> None:
    """Write the module."""
    pairs, words = learn()
    rows = []
    for first in ALPHABET:
        total = sum(pairs[first, second] + 1 for second in ALPHABET)
        surprise = [-math.log2((pairs[first, second] + 1) / total) for second in ALPHABET]
        rows.append("".join(chr(35 + min(90, round(8 * bits))) for bits in surprise).replace("\\", "]"))
    known = sorted(word for word, _ in words.most_common(WORDS))
    lines = ['"""What is known of words. Written by scripts/learn_words.py: not by hand."""']
    lines += ["", "from typing import Final", "", f'ALPHABET: Final = "{ALPHABET}"', ""]
    lines += ["# Row: the letter before; column: the letter after; character: 35 + 8 * bits of surprise."]
    lines += ["SURPRISE: Final = ("] + [f"    {row!r}," for row in rows] + [")", "", "WORDS: Final = ("]
    line = ""
    for word in known:
        if len(line) + len(word) > 98:
            lines.append(f'    "{line}"')
            line = ""
        line += word + " "
    lines += [f'    "{line}"', ")", "", "WEIGHTS: Final = (0.0,) * 9", ""]
    TARGET.write_text("\n".join(lines), "utf-8")
    weights = fit()
    lines[-2] = "WEIGHTS: Final = (" + ", ".join(f"{weight:.3f}" for weight in weights) + ")"
    TARGET.write_text("\n".join(lines), "utf-8")


def literals() -> Iterator[str]:
    """Strings without white space of the standard library, and names of several parts."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")) + sorted(
        Path(sysconfig.get_path("stdlib")).glob("[a-z]*/*.py")
    ):
        if {"site-packages", "test", "lib2to3", "encodings"} & set(path.parts):
            continue
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (OSError, ValueError, SyntaxError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            elif isinstance(node, ast.Attribute):
                text = ast.unparse(node)
            elif isinstance(node, ast.Name):
                text = node.id
            else:
                continue
            if 6 <= len(text) <= 80 and text.isascii() and text.isprintable() and " " not in text:
                yield text


def drawn(random: Random) -> str:
    """A text as machines make tokens."""
    letters = string.ascii_letters + string.digits
    alphabet = random.choice(
        [
            "0123456789abcdef",
            letters,
            letters,
            letters + "-_",
            letters + "+/",
            string.ascii_lowercase + string.digits,
            string.ascii_uppercase + "234567",
            letters + "!@#$%^&*(-_=+)",
        ]
    )
    size = random.choice([10, 12, 16, 16, 20, 24, 32, 32, 40, 43, 64])
    return "".join(random.choice(alphabet) for _ in range(size))


def fit() -> list[float]:
    """Logistic regression by stochastic gradient descent."""
    from tokenward.leaks.detectors.assignments import strength  # noqa: PLC0415 - after its data were written

    random = Random(1)
    names = sorted(set(literals()))
    random.shuffle(names)
    names = names[:20000]
    rows = [(strength.features(name.encode()), 0.0) for name in names]
    rows += [(strength.features(drawn(random).encode()), 1.0) for _ in names]
    weights = [0.0] * len(rows[0][0])
    for epoch in range(30):
        random.shuffle(rows)
        rate = 0.1 / (1 + epoch)
        for features, wanted in rows:
            logit = sum(weight * feature for weight, feature in zip(weights, features, strict=True))
            error = wanted - 1 / (1 + math.exp(-max(-40.0, min(40.0, logit))))
            weights = [
                weight + rate * error * feature for weight, feature in zip(weights, features, strict=True)
            ]
    wrong = sum(
        (sum(w * f for w, f in zip(weights, features, strict=True)) > 0) != wanted
        for features, wanted in rows
    )
    print(f"{wrong} of {len(rows)} on the wrong side")
    return weights


if __name__ == "__main__":
    main()

"""One colour of the operator's, as the pages' accent in light and dark: readable in both, or refused.

In light it is used as it is: on white, and below white text. For dark it is mixed with white until it can be
read on the dark card; the dark text on a button then can be read, too.
"""

import re
from dataclasses import dataclass

READABLE = 4.5
"""The contrast of text that WCAG 2.2 asks for (1.4.3); of what is no text it asks less (1.4.11)."""

_HEX = re.compile(r"#([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour of sRGB; each part is 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 to 1 (WCAG 2.2, "relative luminance")."""
        red, green, blue = (_linear(part / 255) for part in (self.red, self.green, self.blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def mixed(self, other: "Colour", share: float) -> "Colour":
        """With so much of another one, 0 to 1."""
        pairs = ((self.red, other.red), (self.green, other.green), (self.blue, other.blue))
        return Colour(*(round(one + (two - one) * share) for one, two in pairs))


WHITE, BLACK = Colour(255, 255, 255), Colour(0, 0, 0)
LIGHT_CARD, DARK_CARD = WHITE, Colour(0x1B, 0x21, 0x29)  # `--card` of style.css


def colour(text: str) -> Colour:
    """The colour written as `#rrggbb`.

    Raises:
        ValueError: it is none.
    """
    match = _HEX.fullmatch(text)
    if match is None:
        raise ValueError("it is not written as #rrggbb")
    return Colour(*(int(part, 16) for part in match.groups()))


def contrast(one: Colour, other: Colour) -> float:
    """1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((one.luminance, other.luminance), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(wanted: Colour, *, on: Colour, towards: Colour) -> Colour:
    """The colour, or the nearest mixture with `towards` that can be read on a ground."""
    mixtures = (wanted.mixed(towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(it for it in mixtures if contrast(it, on) >= READABLE)


def accents(light: Colour) -> str:
    """The style sheet that makes it the accent: to stand behind the one that has others."""
    dark = readable(light, on=DARK_CARD, towards=WHITE)
    return (
        f":root {{ --accent: {light}; --accent-strong: {light.mixed(BLACK, 0.2)}; }}\n"
        f"@media (prefers-color-scheme: dark) {{\n"
        f"  :root {{ --accent: {dark}; --accent-strong: {dark.mixed(WHITE, 0.3)}; }}\n"
        f"}}\n"
    )


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

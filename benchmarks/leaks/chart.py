"""Horizontal bars as SVG, one panel below the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT, _RIGHT, _BAR, _GAP = 720, 130, 90, 16, 6
_OURS, _THEIRS = "#0b62a4", "#9aa5b1"


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars of one scale.

    Attributes:
        title: what is counted, and whether less or more is better.
        bars: name, value and how the value is written; the first is ours.
        most: what a bar of full length stands for; the greatest value if None.
    """

    title: str
    bars: Sequence[tuple[str, float, str]]
    most: float | None = None


def draw(title: str, panels: Sequence[Panel]) -> str:
    """The picture."""
    parts: list[str] = []
    y = 8
    for panel in panels:
        y += 22
        parts.append(f'<text x="12" y="{y - 6}" font-weight="bold">{escape(panel.title)}</text>')
        most = panel.most or max(value for _, value, _ in panel.bars) or 1
        for number, (name, value, written) in enumerate(panel.bars):
            length = (_WIDTH - _LEFT - _RIGHT) * value / most
            colour = _THEIRS if number else _OURS
            parts += (
                f'<text x="{_LEFT - 6}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>',
                f'<text x="{_LEFT + length + 6:.1f}" y="{y + 12}">{escape(written)}</text>',
            )
            y += _BAR + _GAP
        y += 10
    body = "\n".join(parts)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" font-family="sans-serif"
 font-size="12">
<title>{escape(title)}</title>
<rect width="{_WIDTH}" height="{y}" fill="#fff"/>
{body}
</svg>
"""

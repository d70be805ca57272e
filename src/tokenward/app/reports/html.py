"""A report as one page that needs nothing else: no script, no font, no image, no connection.

Its content security policy allows its own style, by hash, and nothing else: were there a way past the
escaping, what came through could not run, load or send anything.
"""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tokenward.app.reports.grouping import groups
from tokenward.app.reports.model import Report
from tokenward.app.reports.words import (
    SEVERITIES,
    confidence_word,
    headline,
    liveness,
    moment,
    place,
    printable,
    problem_groups,
    severity_word,
)

MOST_ROWS = 5_000
"""Of findings, and of accepted ones: browsers stay quick."""

PLACES = 5
MOST_PLACES = 200

GROUPED = 10
MOST_GROUPED = 2_000
"""Of findings of one kind: what is seen at once, and what is there at all."""

_STYLE = files("tokenward.app.reports").joinpath("templates", "report.css").read_text("utf-8")


def text(report: Report) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("tokenward.app.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "seen": printable,
        "prose": _prose,
        "place": place,
        "word": severity_word,
        "sure": confidence_word,
        "liveness": liveness,
    }
    return environment.get_template("report.html").render(
        report=report,
        groups=groups(report.rows),
        accepted=groups(report.accepted),
        headline=headline(report),
        ended=moment(report.at),
        severities=SEVERITIES,
        problems=problem_groups(report.problems),
        places=PLACES,
        most_places=MOST_PLACES,
        grouped=GROUPED,
        most_grouped=MOST_GROUPED,
        most_rows=MOST_ROWS,
        style=Markup(_STYLE),  # noqa: S704 - our own file, whose quotes must stay what they are
        style_hash=base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode(),
    )


def _prose(sentence: str) -> Markup:
    """A sentence of ours, with what stands in backticks as code."""
    parts = [escape(part) for part in printable(sentence).split("`")]
    if len(parts) % 2 == 0:  # one that has no partner
        return Markup("`").join(parts)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )

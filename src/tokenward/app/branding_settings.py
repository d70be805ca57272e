"""What `tokenward.yaml` may say of how pages look."""

from typing import Annotated

from pydantic import AfterValidator, Field

from tokenward.app.model import Model
from tokenward.app.value_rules import bad_value
from tokenward.identity.colours import BLACK, LIGHT_CARD, READABLE, colour, contrast, readable


def _readable(text: str) -> str:
    try:
        wanted = colour(text)
    except ValueError:
        raise bad_value("colour", "this is no colour", 'write it as "#1b5e8c", with the quotes') from None
    if (ratio := contrast(wanted, LIGHT_CARD)) < READABLE:
        darker = readable(wanted, on=LIGHT_CARD, towards=BLACK)
        raise bad_value(
            "colour",
            f"white text on it is hard to read: the contrast is {ratio:.2f}, and {READABLE} is needed",
            f'choose a darker one, such as "{darker}"',
        )
    return text


class BrandingSettings(Model):
    """How the pages look that people see. Their name is `name`."""

    logo: str | None = Field(
        default=None,
        min_length=1,
        description="A file of a picture, SVG or PNG, of 100 kB at most: beside the name.",
    )
    # No None: the file would mean it by `colour: #1b5e8c`, which is a comment in YAML.
    colour: Annotated[str, AfterValidator(_readable)] = Field(
        default="",
        json_schema_extra={"examples": ["#1b5e8c"]},
        description='"#rrggbb": of buttons, in light; in dark it is made lighter by itself. White text on it '
        "must have a contrast of 4.5 (WCAG 2.2, 1.4.3).",
    )

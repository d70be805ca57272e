"""What every part of a file that people write has in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A part of a file: nothing that it does not know, and no text for a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

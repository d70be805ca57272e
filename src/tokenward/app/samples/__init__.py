"""Two small APIs for the demonstration and the tests, each with the OpenAPI document that describes it.

They are what a backend behind the gateway looks like: they check the inside JWT themselves and know nothing
of the gateway's configuration but its issuer name, the address of its keys and their own audience. Each has
a route, `/internal/debug`, that its document does not mention and that nobody reaches through the gateway.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample API.

    Attributes:
        module: where its `create_app` is; imported only by the process that serves it.
        document: its OpenAPI 3.1 document.
        risk: the tier that suits its operations.
    """

    module: str
    document: Path
    risk: str


_HERE = Path(__file__).parent

SAMPLES: dict[str, Sample] = {
    "weather": Sample("tokenward.app.samples.weather", _HERE / "weather.openapi.yaml", "low"),
    "bank": Sample("tokenward.app.samples.bank", _HERE / "bank.openapi.yaml", "moderate"),
}

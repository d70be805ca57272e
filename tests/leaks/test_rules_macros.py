"""Wherever a value is given to a name, the abbreviation of patterns sees it."""

import pytest

from tokenward.leaks.rulebook.macros import expand
from tokenward.leaks.rulebook.matching import compiled

PATTERN = compiled(expand(r"%assign(acme|\bac_|widget_?works)(api_?key)%([0-9a-f]{32})\b"))
VALUE = b"0123456789abcdef0f1e2d3c4b5a6978"

WAYS = r"""
ACME_API_KEY=VALUE
export ACME_API_KEY='VALUE'
ENV ACME_API_KEY VALUE
setx ACME_API_KEY "VALUE"
$env:ACME_API_KEY = "VALUE"
ACME_API_KEY ?= VALUE
ACME_API_KEY: "VALUE"
acme:\n  apiKey: VALUE
acme = {\n    "api_key": "VALUE"
- name: ACME_API_KEY\n  value: "VALUE"
{"name": "ACME_API_KEY", "value": "VALUE"}
{\"acme_api_key\": \"VALUE\"}
variable "acme_api_key" {\n  default = "VALUE"
acme.api.key = VALUE
-Dacme.api.key=VALUE
--acme-api-key VALUE
--acme-api-key=VALUE
-H "ACME-API-KEY: VALUE"
https://api.example/?acme_api_key=VALUE
<acmeApiKey>VALUE</acmeApiKey>
<add key="AcmeApiKey" value="VALUE"/>
@Value("${acme.api.key:VALUE}")
os.environ["ACME_API_KEY"] = "VALUE"
os.getenv("ACME_API_KEY", "VALUE")
acme_api_key: str = "VALUE"
acme_api_key: Optional[str] = "VALUE"
ACME_API_KEY=b"VALUE"
acme.initialize(api_key="VALUE")
process.env.ACME_API_KEY || "VALUE"
process.env.ACME_API_KEY ?? 'VALUE'
const ACME = { apiKey: 'VALUE' }
let acmeApiKey: string = "VALUE"
const AcmeAPIKey string = "VALUE"
AcmeAPIKey := "VALUE"
const ACME_API_KEY: &str = "VALUE";
const ACME_API_KEY: &'static str = "VALUE";
private static final String ACME_API_KEY = "VALUE";
#define ACME_API_KEY "VALUE"
@"acmeApiKey" : @"VALUE"
define('ACME_API_KEY', 'VALUE');
'acme_api_key' => 'VALUE'
acme.setApiKey("VALUE");
[Environment]::SetEnvironmentVariable("ACME_API_KEY", "VALUE")
| ACME_API_KEY | VALUE |
acme_api_key,VALUE
The acme api key: VALUE
ac_apikey=VALUE
widget-works api-key=VALUE
"""


@pytest.mark.parametrize("way", WAYS.strip().splitlines())
def test_a_value_is_seen_however_it_is_given(way):
    text = way.replace(r"\n", "\n").encode().replace(b"VALUE", VALUE)
    match = PATTERN.search(text)
    assert match is not None
    begin, end = match.span(1)
    assert text[begin:end] == VALUE


OTHERS = r"""
OTHER_API_KEY=VALUE
ACME_COMMIT=VALUE
ACME_API_KEY=xVALUE
ACME_API_KEY=VALUE0
acme, whose api key is not VALUE
backac_apikey=VALUE
"""


@pytest.mark.parametrize("other", OTHERS.strip().splitlines())
def test_another_name_or_another_value_is_not(other):
    assert PATTERN.search(other.encode().replace(b"VALUE", VALUE)) is None


@pytest.mark.parametrize(
    ("text", "seen"),
    [(b"abcd", True), (b"abcd,", True), (b'abcd"', True), (b"abcd/", False), (b"abcd-e", False)],
)
def test_the_end_of_a_value_is_not_within_a_longer_one(text, seen):
    assert (compiled(expand("(abcd)%end%")).search(text) is not None) is seen


def test_what_is_no_abbreviation_stays():
    assert expand("100%|%40[0-9]%") == "100%|%40[0-9]%"

"""What schemathesis is told of a house beside the document. Imported by its own Python, without Tokenward."""

import os

import schemathesis


@schemathesis.check
def input_is_refused_as_documented(_ctx, response, case):
    """What the document allows is never told to be against it: such a refusal has a pointer."""
    refused = response.status_code == 422 and "pointer" in response.json()
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    assert not (positive and refused), f"{response.json()['pointer']} is as documented, and refused"


@schemathesis.hook
def before_call(_ctx, case, _kwargs):
    """Name an API that there is and clients that may be, so that some are made and not all refused."""
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    if "audience" in case.body:
        case.body |= {"audience": os.environ["AUDIENCE"], "scopes": ["forecast:read"]}
        case.body |= {"addresses": [], "origins": [], "name": "Some", "owner": "ann@example.com"}
        if "lifetime" in case.body:
            case.body["lifetime"] = 3600
    if case.operation.path == "/clients" and len(case.body["name"]) % 2:
        case.body = {"name": "Report", "type": "service"}
    if case.operation.path == "/signing-keys":
        case.body["algorithm"] = "ES256"

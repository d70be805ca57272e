"""The part of SARIF 2.1.0 that reports use, as a JSON Schema in our own words.

Stricter than the standard's own schema: nothing is allowed here that reports do not use, and what the text
asks for where it applies is required. The section of the standard stands beside each object.
"""

TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
LINE = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
BAG = {"type": "object"}


def _object(required, **optional):
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(of, **limits):
    return {"type": "array", "items": of, **limits}


MESSAGE = _object({"text": TEXT})  # §3.11
ARTIFACT_LOCATION = _object(  # §3.4: a relative reference is no scheme and no absolute path, and is encoded
    {
        "uri": {"type": "string", "format": "uri-reference", "pattern": r"^(?!/)[A-Za-z0-9%/!_.~-]+$"},
        "uriBaseId": {"const": "%SRCROOT%"},
    }
)
PHYSICAL_LOCATION = _object(  # §3.29, §3.30
    {"artifactLocation": ARTIFACT_LOCATION}, region=_object({"startLine": LINE}, startColumn=LINE)
)
LOCATION = _object(
    {"physicalLocation": PHYSICAL_LOCATION}, id=COUNT, message=MESSAGE, properties=BAG
)  # §3.28
RULE = _object(  # §3.49; the properties are GitHub's
    {
        "id": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "name": {**TEXT, "maxLength": 255},
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": _object({"text": TEXT, "markdown": TEXT}),
        "defaultConfiguration": _object({"level": LEVEL}),
        "properties": _object(
            {
                "tags": _list(TEXT, maxItems=10, uniqueItems=True),
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "problem.severity": {"enum": ["error", "warning", "recommendation"]},
                "security-severity": {"type": "string", "pattern": r"^\d\.\d$"},
            }
        ),
    },
    helpUri={"type": "string", "format": "uri"},
)
RESULT = _object(  # §3.27
    {
        "ruleId": TEXT,
        "ruleIndex": COUNT,
        "level": LEVEL,
        "message": MESSAGE,
        "locations": _list(LOCATION, maxItems=1),
        "properties": BAG,
    },
    relatedLocations=_list(LOCATION, minItems=1, maxItems=99),
    partialFingerprints={
        "type": "object",
        "additionalProperties": TEXT,
        "propertyNames": {"pattern": r"/v\d+$"},
    },
)
NOTIFICATION = _object({"level": LEVEL, "message": MESSAGE}, locations=_list(LOCATION, maxItems=100))  # §3.58
INVOCATION = _object(  # §3.20
    {
        "executionSuccessful": {"type": "boolean"},
        "endTimeUtc": {"type": "string", "format": "date-time", "pattern": "Z$"},
        "toolExecutionNotifications": _list(NOTIFICATION),
    }
)
DRIVER = _object({"name": TEXT, "semanticVersion": TEXT, "rules": _list(RULE, uniqueItems=True)})  # §3.19
RUN = _object(  # §3.14
    {
        "tool": _object({"driver": DRIVER}),
        "automationDetails": _object({"id": {"type": "string", "pattern": "/$"}}),
        "originalUriBaseIds": _object({"%SRCROOT%": _object({"description": MESSAGE})}),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "invocations": _list(INVOCATION, minItems=1, maxItems=1),
        "results": _list(RESULT, maxItems=25_000),
        "properties": BAG,
    }
)
LOG = _object(  # §3.13
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": _list(RUN, minItems=1, maxItems=1),
    }
)

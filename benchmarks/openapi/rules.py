"""Which check of ours looks for what a rule of Spectral's OWASP set looks for; or why none does.

Why a place of theirs is none of ours though there is such a check, `openapi.reasons` tells.
"""

OURS: dict[str, tuple[str, ...]] = {
    "owasp:api1:2023-no-numeric-ids": ("id-guessable",),
    "owasp:api2:2023-no-http-basic": ("http-basic",),
    "owasp:api2:2023-no-api-keys-in-url": ("api-key-in-query",),
    "owasp:api2:2023-no-credentials-in-url": ("credential-in-url", "personal-data-in-url"),
    "owasp:api2:2023-auth-insecure-schemes": ("http-negotiate", "oauth1", "http-digest"),
    "owasp:api2:2023-write-restricted": ("write-unprotected", "no-security-schemes", "security-optional"),
    "owasp:api2:2023-read-restricted": ("read-unprotected", "no-security-schemes", "security-optional"),
    "owasp:api3:2023-no-additionalProperties": ("open-object", "map-unbounded"),
    "owasp:api3:2023-constrained-additionalProperties": ("map-unbounded",),
    "owasp:api3:2023-no-unevaluatedProperties": ("open-object",),
    "owasp:api3:2023-constrained-unevaluatedProperties": ("map-unbounded",),
    "owasp:api4:2023-rate-limit": ("rate-limit-undocumented",),
    "owasp:api4:2023-rate-limit-retry-after": ("retry-after-missing",),
    "owasp:api4:2023-rate-limit-responses-429": ("response-429-missing",),
    "owasp:api4:2023-array-limit": ("array-unbounded", "answer-unbounded"),
    "owasp:api4:2023-string-limit": ("string-unbounded",),
    "owasp:api4:2023-string-restricted": ("string-unrestricted",),
    "owasp:api4:2023-integer-limit": ("number-unbounded",),
    "owasp:api4:2023-integer-limit-legacy": ("number-unbounded",),
    "owasp:api4:2023-integer-format": ("integer-unsized",),
    "owasp:api5:2023-admin-security-unique": ("admin-shared",),
    "owasp:api7:2023-concerning-url-parameter": ("ssrf-parameter", "callback-anywhere"),
    "owasp:api8:2023-no-scheme-http": ("server-http",),
    "owasp:api8:2023-no-server-http": ("server-http",),
    "owasp:api8:2023-define-error-validation": ("response-400-missing",),
    "owasp:api8:2023-define-error-responses-401": ("response-401-missing",),
    "owasp:api8:2023-define-error-responses-500": ("response-500-missing",),
    "owasp:api9:2023-inventory-environment": ("server-undescribed",),
}

REFUSED: dict[str, str] = {
    "owasp:api2:2023-jwt-best-practices": "wants the word `RFC8725` in a description, which protects "
    "nothing. `bearer-undescribed` asks that format or meaning be told",
    "owasp:api2:2023-short-lived-access-tokens": "wants a `refreshUrl` in each flow, which is optional and "
    "says nothing of how long tokens live. `long-lived-token` reads `expires_in`",
    "owasp:api8:2023-define-cors-origin": "wants `Access-Control-Allow-Origin` in every answer, also of APIs "
    "that no browser calls. `cors-any-origin` finds the one that is dangerous",
    "owasp:api9:2023-inventory-access": "wants `x-internal` at each server, a word of one vendor. "
    "`server-internal` and `internal-published` look at what is there",
}

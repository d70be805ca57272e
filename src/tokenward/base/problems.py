"""The error catalogue: every refusal of the house, one row each.

A row has a stable `code`, the text that the public may read, the HTTP status and the clause it rests on.
What only an operator may know travels beside it, as `detail`, into the log and never into a response.
The three renderings differ only in shape: RFC 9457 on admin, RFC 6749 §5.2 on the issuer, RFC 6750 §3 at
the gateway. `docs/reference/errors.md` is generated from this table.
"""

import json
import re
from dataclasses import dataclass

TOLD = r"[\x20\x21\x23-\x5b\x5d-\x7e]"
"""A character that `error` and `error_description` may have: RFC 6749 §5.2, RFC 6750 §3, OAuth 2.1 §3.2.4."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of refusal.

    Attributes:
        code: stable, for programs and log searches.
        status: the HTTP status.
        text: what the public reads; says what to do and gives nothing away.
        spec: the clause that asks for it, or "" where it is a rule of ours.
        oauth: the `error` value of RFC 6749 §5.2 or RFC 6750 §3.1 under which it is told, or "".
    """

    code: str
    status: int
    text: str
    spec: str = ""
    oauth: str = ""


class Refusal(Exception):  # noqa: N818 - a refusal is an outcome, not a fault of the program
    """A request was refused for a reason from the catalogue.

    Attributes:
        problem: the row.
        detail: for the log only; must not hold a credential.
        retry_after: seconds after which trying again makes sense, or None.
    """

    def __init__(self, problem: Problem, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(f"{problem.code}: {detail}" if detail else problem.code)
        self.problem = problem
        self.detail = detail
        self.retry_after = retry_after


CATALOGUE: dict[str, Problem] = {}


def _row(code: str, status: int, text: str, spec: str = "", oauth: str = "") -> Problem:
    if code in CATALOGUE:
        raise ValueError(f"problem {code} is listed twice")
    if not re.fullmatch(f"{TOLD}+", f"{code}{text}{oauth}"):
        raise ValueError(f"problem {code} has a character that no error_description may have")
    CATALOGUE[code] = Problem(code, status, text, spec, oauth)
    return CATALOGUE[code]


# The request itself, at every listener.
MALFORMED = _row("malformed_request", 400, "The request is malformed.", "RFC 6749 §5.2", "invalid_request")
DUPLICATE_PARAMETER = _row(
    "duplicate_parameter", 400, "A parameter is present more than once.", "RFC 6749 §3.2", "invalid_request"
)
MISSING_PARAMETER = _row(
    "missing_parameter", 400, "A required parameter is missing.", "RFC 6749 §5.2", "invalid_request"
)
TOO_LARGE = _row("too_large", 413, "The request is too large.", "RFC 9110 §15.5.14", "invalid_request")
LENGTH_REQUIRED = _row(
    "length_required",
    411,
    "Say how long the body is, by Content-Length.",
    "RFC 9110 §15.5.12",
    "invalid_request",
)
WRONG_MEDIA_TYPE = _row(
    "wrong_media_type",
    415,
    "Send application/x-www-form-urlencoded in UTF-8.",
    "RFC 6749 §3.2",
    "invalid_request",
)
NOT_FOUND = _row("not_found", 404, "There is nothing here.", "RFC 9110 §15.5.5")
METHOD_NOT_ALLOWED = _row("method_not_allowed", 405, "This method is not allowed here.", "RFC 9110 §15.5.6")
UNAVAILABLE = _row(
    "unavailable",
    503,
    "The answer cannot be known right now; try again.",
    "RFC 9110 §15.6.4",
    "temporarily_unavailable",
)
INTERNAL_ERROR = _row(
    "internal_error", 500, "Something failed here; it was logged.", "RFC 9110 §15.6.1", "server_error"
)
CREDENTIAL_IN_CLAIM = _row(
    "credential_in_claim", 500, "A token would have carried a credential in a claim.", "", "server_error"
)
JSON_EXPECTED = _row("json_expected", 415, "Send application/json in UTF-8.", "RFC 9110 §15.5.16")
TOO_MANY_REQUESTS = _row("too_many_requests", 429, "Too many requests; slow down.", "RFC 6585 §4")

# The issuer.
INVALID_CLIENT = _row(
    "invalid_client", 401, "Client authentication failed.", "RFC 6749 §5.2", "invalid_client"
)
INVALID_GRANT = _row(
    "invalid_grant", 400, "The grant is invalid, expired, used or revoked.", "RFC 6749 §5.2", "invalid_grant"
)
# Told like the one above: only we can know that it was a guess.
UNKNOWN_GRANT = _row("unknown_grant", 400, INVALID_GRANT.text, "RFC 6749 §5.2", "invalid_grant")
CERTIFICATE_REQUIRED = _row(
    "certificate_required", 400, "A client certificate is required.", "RFC 8705 §3", "invalid_request"
)
AUTHORIZATION_PENDING = _row(
    "authorization_pending",
    400,
    "Nobody has answered yet: ask again after the interval.",
    "RFC 8628 §3.5",
    "authorization_pending",
)
SLOW_DOWN = _row(
    "slow_down",
    400,
    "Nobody has answered yet, and you ask too often: wait 5 seconds longer from now on.",
    "RFC 8628 §3.5",
    "slow_down",
)
DEVICE_DENIED = _row("device_denied", 400, "The person said no.", "RFC 8628 §3.5", "access_denied")
UNANSWERED_DEVICE = _row(
    "unanswered_device", 400, "Nobody answered in time: start again.", "RFC 8628 §3.5", "expired_token"
)
UNKNOWN_DEVICE_REQUEST = _row(
    "unknown_device_request",
    403,
    "No device is waiting with this code. Look at its screen again; a code works once, for ten minutes.",
    "RFC 8628 §3.3",
)
TOO_MANY_CODES = _row(
    "too_many_codes",
    429,
    "Too many codes were tried. Wait ten minutes, and let the device show a new one.",
    "RFC 8628 §5.1",
)
UNAUTHORIZED_CLIENT = _row(
    "unauthorized_client",
    400,
    "This client may not use this grant type.",
    "RFC 6749 §5.2",
    "unauthorized_client",
)
UNSUPPORTED_GRANT_TYPE = _row(
    "unsupported_grant_type",
    400,
    "This grant type is not supported.",
    "RFC 6749 §5.2",
    "unsupported_grant_type",
)
UNSUPPORTED_RESPONSE_TYPE = _row(
    "unsupported_response_type", 400, "Only response_type=code is supported.", "RFC 6749 §4.1.2.1",
    "unsupported_response_type",
)  # fmt: skip
INVALID_SCOPE = _row(
    "invalid_scope", 400, "The scope is unknown or not allowed.", "RFC 6749 §5.2", "invalid_scope"
)
INVALID_TARGET = _row(
    "invalid_target",
    400,
    "The resource is unknown or not allowed, or the scopes belong to several: a token is for one.",
    "RFC 8707 §2",
    "invalid_target",
)
INVALID_AUTHORIZATION_DETAILS = _row(
    "invalid_authorization_details",
    400,
    "The authorization details are malformed, of an unknown type, not for this API, or not allowed.",
    "RFC 9396 §5",
    "invalid_authorization_details",
)
UNACCEPTABLE_TOKEN = _row(
    "unacceptable_token",
    400,
    "The subject token or the actor token is not acceptable.",
    "RFC 8693 §2.2.2",
    "invalid_request",
)
PKCE_REQUIRED = _row(
    "pkce_required",
    400,
    "PKCE with code_challenge_method=S256 is required.",
    "RFC 7636 §4.4.1",
    "invalid_request",
)
INVALID_DPOP_PROOF = _row(
    "invalid_dpop_proof", 400, "The DPoP proof is missing or not valid.", "RFC 9449 §5", "invalid_dpop_proof"
)
USE_DPOP_NONCE = _row(
    "use_dpop_nonce",
    400,
    "The DPoP proof needs the nonce of the DPoP-Nonce header.",
    "RFC 9449 §8",
    "use_dpop_nonce",
)
UNKNOWN_CLIENT = _row("unknown_client", 400, "This application is not known here.", "RFC 6749 §4.1.2.1")
CLIENT_DOCUMENT_REFUSED = _row(
    "client_document_refused",
    400,
    "What this application says of itself, at the address that names it, cannot be had or used.",
    "draft-ietf-oauth-client-id-metadata-document-02 §5.1",
    "invalid_client",
)
INVALID_CLIENT_METADATA = _row(
    "invalid_client_metadata", 400, "The client metadata is not acceptable.", "RFC 7591 §3.2.2",
    "invalid_client_metadata",
)  # fmt: skip
REGISTRATION_FULL = _row(
    "registration_full", 503, "No more clients can register themselves now.", "RFC 7591 §5",
    "temporarily_unavailable",
)  # fmt: skip
INVALID_REDIRECT_URI = _row(
    "invalid_redirect_uri", 400, "A redirect address is not acceptable.", "RFC 7591 §3.2.2",
    "invalid_redirect_uri",
)  # fmt: skip
UNAPPROVED_SOFTWARE_STATEMENT = _row(
    "unapproved_software_statement", 400, "No software statement is accepted here.", "RFC 7591 §3.2.2",
    "unapproved_software_statement",
)  # fmt: skip
UNREGISTERED_REDIRECT = _row(
    "unregistered_redirect",
    400,
    "The redirect address is not registered for this application.",
    "RFC 9700 §2.1",
    "invalid_request",
)
ACCESS_DENIED = _row("access_denied", 403, "Access was refused.", "RFC 6749 §4.1.2.1", "access_denied")
LOGIN_REQUIRED = _row(
    "login_required", 400, "Sign-in is needed.", "OpenID Connect Core §3.1.2.6", "login_required"
)
UNMET_AUTHENTICATION = _row(
    "unmet_authentication_requirements", 400, "The sign-in does not reach what was asked for.",
    "RFC 9470 §5", "unmet_authentication_requirements",
)  # fmt: skip
CONSENT_REQUIRED = _row(
    "consent_required", 400, "Consent is needed.", "OpenID Connect Core §3.1.2.6", "consent_required"
)
REQUEST_NOT_SUPPORTED = _row(
    "request_not_supported", 400, "Request objects are for applications that registered keys.",
    "OpenID Connect Core §3.1.2.6", "request_not_supported",
)  # fmt: skip
REQUEST_URI_NOT_SUPPORTED = _row(
    "request_uri_not_supported", 400, "No request is fetched from elsewhere: push it.",
    "OpenID Connect Core §3.1.2.6", "request_uri_not_supported",
)  # fmt: skip
INVALID_REQUEST_URI = _row(
    "invalid_request_uri", 400,
    "This request has expired, was answered before, or is not this application's. Start again there.",
    "RFC 9126 §4", "invalid_request_uri",
)  # fmt: skip
REQUEST_ANSWERED = _row(
    "request_answered", 409,
    "You have answered this already, or it is over. If the application did not go on, start again there.",
    "RFC 9126 §4", "invalid_request_uri",
)  # fmt: skip
INVALID_REQUEST_OBJECT = _row(
    "invalid_request_object", 400,
    "The request object is malformed, too old, not for this server, or not signed by this application.",
    "RFC 9101 §7", "invalid_request_object",
)  # fmt: skip
PUSH_REQUIRED = _row(
    "push_required", 400, "This application has to push its authorization requests.", "RFC 9126 §5",
    "invalid_request",
)  # fmt: skip
SIGNED_REQUEST_REQUIRED = _row(
    "signed_request_required", 400, "This application has to sign its authorization requests.",
    "RFC 9101 §10.5", "invalid_request",
)  # fmt: skip
NOT_YOUR_TOKEN = _row(
    "not_your_token", 400, "The token was not issued to this client.", "RFC 7009 §2.1", "invalid_grant"
)
EXPIRED_FORM = _row("expired_form", 400, "This form has expired or belongs to another session; start again.")
ANSWERED_FORM = _row(
    "answered_form", 409,
    "You have answered this already. Answer it once more only if the application did not go on.",
)  # fmt: skip
BAD_CREDENTIALS = _row("bad_credentials", 403, "The user name or the password is wrong.", "RFC 9110 §15.5.4")
PASSKEY_REFUSED = _row(
    "passkey_refused",
    403,
    "The passkey was not accepted. Try again, or use another way.",
    "WebAuthn Level 3 §7",
)
WRONG_CODE = _row("wrong_code", 403, "The code is wrong. Wait for the next one, and try again.")
CODE_USED = _row("code_used", 403, "This code was used already. Wait for the next one.", "RFC 6238 §5.2")
CLOCK_OFF = _row(
    "clock_off",
    403,
    "The code belongs to another time. Let the device with the app set its clock, and try again.",
)
LINK_REFUSED = _row("link_refused", 403, "This link was used, has expired, or was replaced by a newer one.")
PROVIDER_REFUSED = _row(
    "provider_refused",
    403,
    "Signing in at the other service did not work. Start again.",
    "OpenID Connect Core §3.1.3.7",
)
PROVIDER_UNAVAILABLE = _row(
    "provider_unavailable", 503, "The service that knows you does not answer properly; try again later."
)
NO_ACCOUNT = _row("no_account", 403, "You have no account here. Ask the people who run this service for one.")
NAME_TAKEN = _row(
    "name_taken",
    409,
    "The user name that you would get here is somebody's already. Ask the people who run this service.",
)
ACCOUNT_LINKED = _row(
    "account_linked",
    409,
    "That account is linked to somebody here already, or another one of yours there is. Unlink that first.",
)
SIGNATURE_REFUSED = _row("signature_refused", 403, "The signature is missing, wrong or too old.")

# The gateway.
NO_CREDENTIAL = _row("no_credential", 401, "A credential is required.", "RFC 6750 §3.1")
INVALID_TOKEN = _row(
    "invalid_token",
    401,
    "The token is malformed, unknown, expired or revoked.",
    "RFC 6750 §3.1",
    "invalid_token",
)
SEVERAL_CREDENTIALS = _row(
    "several_credentials", 400, "Send exactly one credential.", "RFC 6750 §2", "invalid_request"
)
CREDENTIAL_IN_URL = _row(
    "credential_in_url", 400, "Credentials in the URL are refused.", "RFC 9700 §4.3.2", "invalid_request"
)
WRONG_SCHEME = _row("wrong_scheme", 401, "This authentication scheme is not accepted here.", "RFC 6750 §3.1")
BASIC_REFUSED = _row("basic_refused", 401, "The user name or the password is wrong.", "RFC 7617 §2")
DPOP_PROOF_REFUSED = _row(
    "dpop_proof_refused",
    401,
    "The DPoP proof is missing or not valid for this request.",
    "RFC 9449 §7.1",
    "invalid_dpop_proof",
)
DPOP_NONCE_NEEDED = _row(
    "dpop_nonce_needed",
    401,
    "The DPoP proof needs the nonce of the DPoP-Nonce header.",
    "RFC 9449 §9",
    "use_dpop_nonce",
)
STEP_UP_NEEDED = _row(
    "step_up_needed",
    401,
    "A more recent or a stronger sign-in is needed for this operation.",
    "RFC 9470 §3",
    "insufficient_user_authentication",
)
INSUFFICIENT_SCOPE = _row(
    "insufficient_scope", 403, "The token lacks a scope that this operation needs.", "RFC 6750 §3.1",
    "insufficient_scope",
)  # fmt: skip
# RFC 9396 names no error for this; the one of RFC 6750 is what it extends, and clients know it.
INSUFFICIENT_DETAILS = _row(
    "insufficient_authorization_details",
    403,
    "The token lacks authorization details of the type that this operation needs.",
    "RFC 6750 §3.1",
    "insufficient_scope",
)
INSUFFICIENT_TIER = _row(
    "insufficient_tier",
    403,
    "This credential is too weak for the risk of this operation.",
    "",
    "insufficient_scope",
)
KEY_ELSEWHERE = _row("key_elsewhere", 403, "This API key may not be used from there.", "RFC 9110 §15.5.4")
KEY_RATE = _row("key_rate", 429, "This API key is used more often than it may be.", "RFC 6585 §4")
RATE_LIMITED = _row("rate_limited", 429, "This is called more often than it may be.", "RFC 6585 §4")
PREFLIGHT_REFUSED = _row(
    "preflight_refused", 403, "Pages of this origin may not make this call.", "RFC 9110 §15.5.4"
)
AMBIGUOUS_PATH = _row("ambiguous_path", 400, "The path can be read in more than one way.", "RFC 3986 §6.2.2")
METHOD_OVERRIDE = _row("method_override", 400, "A query parameter must not name another method.")
UNDOCUMENTED = _row("undocumented", 404, "No such operation.")
UNDOCUMENTED_METHOD = _row(
    "undocumented_method", 405, "This operation has no such method.", "RFC 9110 §15.5.6"
)
CONTRACT_PARAMETER = _row(
    "contract_parameter",
    400,
    "A parameter is missing, not documented, or not as documented.",
    "OpenAPI 3.1 §4.8.12",
)
CONTRACT_JSON = _row(
    "contract_json", 400, "The body is not JSON that every program reads alike.", "RFC 8259 §4, RFC 7493 §2"
)
CONTRACT_FORM = _row(
    "contract_form",
    400,
    "The body is no form that every program reads alike.",
    "RFC 7578 §4, OpenAPI 3.1 §4.8.15",
)
CONTRACT_NO_BODY = _row("contract_no_body", 400, "This operation takes no body.", "OpenAPI 3.1 §4.8.10")
CONTRACT_MEDIA_TYPE = _row(
    "contract_media_type",
    415,
    "This operation takes no body of this media type or coding.",
    "RFC 9110 §15.5.16",
)
CONTRACT_SIZE = _row(
    "contract_size", 413, "The body is too long, too deep or holds too much.", "RFC 9110 §15.5.14"
)
CONTRACT_BODY = _row("contract_body", 422, "The body is not as documented.", "RFC 9110 §15.5.21")
SUNSET = _row("sunset", 410, "This operation is no longer offered.", "RFC 8594 §3")
UPGRADE_REFUSED = _row("upgrade_refused", 400, "Switching protocols is not supported here.", "RFC 9110 §7.8")
UPGRADE_REQUIRED = _row("upgrade_required", 426, "This operation is a WebSocket.", "RFC 9110 §15.5.22")
SESSION_ENDED = _row("session_ended", 401, "The session has ended: sign in again.", "RFC 9110 §15.5.2")
FOREIGN_PAGE = _row(
    "foreign_page",
    403,
    "A session is for pages of its own application: call from one, with the header Tokenward-CSRF: 1.",
    "RFC 9110 §15.5.4",
)
FOREIGN_ORIGIN = _row("foreign_origin", 403, "Pages of this origin may not connect.", "RFC 6455 §10.2")
CLIENT_SILENT = _row("client_silent", 408, "The rest of the request did not come.", "RFC 9110 §15.5.9")
BAD_UPSTREAM = _row(
    "bad_upstream", 502, "The API behind the gateway did not answer properly.", "RFC 9110 §15.6.3"
)
UPSTREAM_TIMEOUT = _row(
    "upstream_timeout", 504, "The API behind the gateway took too long.", "RFC 9110 §15.6.5"
)
NO_UPSTREAM = _row("no_upstream", 503, "The API is not available now.", "RFC 9110 §15.6.4")

# Management.
UNAUTHORIZED_ADMIN = _row("unauthorized_admin", 401, "The admin token is missing or wrong.")
WRONG_HOST = _row("wrong_host", 421, "This listener does not serve that host name.", "RFC 9110 §15.5.20")
INVALID_INPUT = _row("invalid_input", 422, "The input is not valid.", "RFC 9110 §15.5.21")
CONFLICT = _row("conflict", 409, "That exists already.", "RFC 9110 §15.5.10")
WRONG_KEY_STATE = _row(
    "wrong_key_state", 409, "The signing key's state does not allow this.", "RFC 9110 §15.5.10"
)


def problem_json(problem: Problem, extra: dict[str, object] | None = None) -> bytes:
    """The row as `application/problem+json` (RFC 9457 §3), with further members if given."""
    return json.dumps(
        {
            "type": f"urn:tokenward:problem:{problem.code}",
            "title": problem.text,
            "status": problem.status,
            **(extra or {}),
        }
    ).encode()


def oauth_json(problem: Problem) -> bytes:
    """The row as the error response of RFC 6749 §5.2 (`application/json`)."""
    return json.dumps({"error": problem.oauth or problem.code, "error_description": problem.text}).encode()


def challenge(problem: Problem, *, realm: str, scheme: str = "Bearer", **parameters: str) -> str:
    """The row as a `WWW-Authenticate` value (RFC 6750 §3), with further parameters that are not empty.

    A request without any credential learns only the scheme: RFC 6750 §3.1 asks for no error code then.
    """
    parts = [f'realm="{realm}"']
    if problem.oauth:
        parts += [f'error="{problem.oauth}"', f'error_description="{problem.text}"']
    parts += [f'{name}="{value}"' for name, value in parameters.items() if value]
    return f"{scheme} " + ", ".join(parts)

"""Why TLS failed, in words: OpenSSL says it in constants and places of its source."""

import ssl
from collections.abc import Mapping

# The codes of X509_verify_cert_error_string(3).
_CERTIFICATES: Mapping[int, str] = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed, and not trusted here",
    19: "its certificate comes from an authority that is not trusted here",
    20: "its certificate comes from an authority that is not trusted here",
    21: "its certificate comes from an authority that is not trusted here, or the chain is not whole",
    23: "its certificate was revoked",
    24: "its certificate comes from one that is no authority",
    62: "its certificate is for another host",
    63: "its certificate is for another host",
    64: "its certificate is for another address",
    66: "the key of its certificate is too weak",
    68: "its certificate is signed with a hash that is too weak",
}

_REASONS: Mapping[str, str] = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS there (http:// perhaps)",
    "HTTP_REQUEST": "it does not speak TLS there (http:// perhaps)",
    "PACKET_LENGTH_TOO_LONG": "it does not speak TLS there (http:// perhaps)",
    "RECORD_LAYER_FAILURE": "it does not speak TLS there (http:// perhaps)",
    "UNSUPPORTED_PROTOCOL": "it speaks no version of TLS that is safe (1.2 or 1.3)",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no version of TLS that is safe (1.2 or 1.3)",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": "it renegotiates in a way that is not safe",
    "DH_KEY_TOO_SMALL": "its key exchange is too weak",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it has no cipher in common, or wants a client's certificate",
    "TLSV1_UNRECOGNIZED_NAME": "it does not know that host",
    "TLSV1_ALERT_INTERNAL_ERROR": "it has a fault of its own",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a client's certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take the client's certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not take the client's certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it does not take the client's certificate, which has expired",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust the authority of the client's certificate",
    "TLSV1_ALERT_ACCESS_DENIED": "it does not take the client's certificate",
    "UNEXPECTED_EOF_WHILE_READING": "it hung up in the middle",
}


def tls_failure(error: BaseException) -> str:
    """What went wrong, in words, such as "its certificate has expired"; "" if it was not TLS.

    Args:
        error: what was raised, or whatever was raised of it.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        told = f"its certificate cannot be verified ({cause.verify_message})"
        return _CERTIFICATES.get(cause.verify_code, told)
    reason = cause.reason or "no reason was given"
    return _REASONS.get(reason) or f"TLS failed ({reason.lower().replace('_', ' ')})"

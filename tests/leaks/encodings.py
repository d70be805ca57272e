"""Writes a secret as programs, configuration and attackers do: encoded, cut into pieces, turned around."""

import base64
import gzip
import json
import quopri
import textwrap
import zlib
from collections.abc import Callable

from leaks.containers import zipped


def halves(secret: bytes) -> tuple[bytes, bytes]:
    return secret[:11], secret[11:]


def joined(form: bytes, secret: bytes) -> bytes:
    return form % halves(secret)


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def wrapped(data: bytes, width: int, indent: bytes = b"", end: bytes = b"\n") -> bytes:
    return end.join(indent + data[at : at + width] for at in range(0, len(data), width))


def thirds(secret: bytes) -> tuple[bytes, bytes, bytes]:
    return secret[:5], secret[5:30], secret[30:]


_MANIFEST = b"apiVersion: v1\nkind: Secret\ndata:\n  user: YWRtaW4=\n  password: %s\n"

# By name; none of them holds the secret as it is.
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": lambda secret: b"token: " + b64(secret),
    "base64, unpadded": lambda secret: b"token=" + b64(secret + b" x").rstrip(b"=") + b"\n",
    "base64, for URLs": lambda secret: (
        b"/x?y=" + base64.urlsafe_b64encode(b"a>?~" + secret + b"~~?") + b"&z=1"
    ),
    "base64, other bytes before": lambda secret: b"x = '" + b64(bytes(range(200, 250)) + secret) + b"'",
    "base64, MIME": lambda secret: (
        b"\n\n" + base64.encodebytes(b"TOKEN=" + secret + b" and more" * 10) + b"--b\n"
    ),
    "base64, wrapped and indented": lambda s: (
        b"ca: |\n" + wrapped(b64(b"some text " + s), 64, b"  ") + b"\nnext: x"
    ),
    "base64, wrapped in JSON": lambda s: (
        b'{"a": "' + wrapped(b64(b"some text before " + s), 64, end=rb"\n") + rb'\n"}'
    ),
    "base64, data URL": lambda secret: (
        b'<a href="data:text/plain;charset=utf-8;base64,' + b64(secret) + b'">x</a>'
    ),
    "base64, three times": lambda secret: b"x: " + b64(b64(b64(secret))),
    "base64, of hex": lambda secret: b"x: " + b64(secret.hex().encode()),
    "base64, of gzip": lambda secret: b"release: " + b64(gzip.compress(b"x: " + secret)),
    "base64, of zlib": lambda secret: b"state=" + b64(zlib.compress(b"x: " + secret)),
    "base64, of zip": lambda secret: b"file: " + b64(zipped({"a": secret})),
    "base64, twice around gzip": lambda secret: b"release: " + b64(b64(gzip.compress(secret))),
    "base64, PowerShell": lambda s: (
        b"powershell -EncodedCommand " + b64(b"$x='%s'".replace(b"%s", s).decode().encode("utf-16-le"))
    ),
    "base64, Kubernetes secret": lambda secret: _MANIFEST % b64(secret),
    "base64, cut into literals": lambda s: (
        b'a = "' + b64(b"a=" + s)[:40] + b'" +\n    "' + b64(b"a=" + s)[40:] + b'"'
    ),
    "hex": lambda secret: b"key = " + secret.hex().encode(),
    "hex, upper case": lambda secret: b"0x" + secret.hex().upper().encode(),
    "hex, wrapped": lambda secret: wrapped((b"before " + secret + b" after").hex().encode(), 60),
    "hex, of base64": lambda secret: b64(secret).hex().encode(),
    "hex, of gzip": lambda secret: gzip.compress(secret).hex().encode(),
    "hex, escapes": lambda secret: b'"' + b"".join(b"\\x%02x" % byte for byte in secret) + b'"',
    "hex, some escapes": lambda secret: (
        b'"' + b"".join(b"\\x%02x" % byte for byte in secret[:4]) + secret[4:] + b'"'
    ),
    "hex, list": lambda secret: b"{" + b", ".join(b"0x%02X" % byte for byte in secret) + b"}",
    "hex, list over lines": lambda s: textwrap.fill(", ".join(f"0x{byte:02x}" for byte in s), 60).encode(),
    "hex, registry file": lambda secret: (
        b'"a"=hex(2):' + secret.decode().encode("utf-16-le").hex(",").encode()
    ),
    "character codes": lambda s: b"String.fromCharCode(" + b",".join(b"%d" % byte for byte in s) + b")",
    "character codes, list over lines": lambda s: (
        b"[\n  " + textwrap.fill(", ".join(map(str, s)), 50).encode() + b"\n]"
    ),
    "percent": lambda secret: b"u=" + b"".join(b"%%%02x" % byte for byte in secret),
    "percent, twice": lambda secret: b"u=" + b"".join(b"%%25%02X" % byte for byte in secret),
    "percent, in a URL": lambda secret: b"https://x/?next=a%3Ftoken%3D" + secret.replace(b"_", b"%5F"),
    "unicode": lambda secret: b'"' + b"".join(b"\\u%04x" % byte for byte in secret) + b'"',
    "unicode, some": lambda secret: b'"' + secret.replace(b"_", rb"\u005F") + b'"',
    "unicode, braces": lambda secret: b'"' + b"".join(b"\\u{%x}" % byte for byte in secret) + b'"',
    "unicode, long": lambda secret: b'"' + b"".join(b"\\U%08x" % byte for byte in secret) + b'"',
    "octal": lambda secret: b'"' + b"".join(b"\\%03o" % byte for byte in secret) + b'"',
    "entities, decimal": lambda secret: b"".join(b"&#%d;" % byte for byte in secret),
    "entities, hex": lambda secret: b"".join(b"&#x%X;" % byte for byte in secret),
    "entities, named": lambda secret: b"<p>" + secret.replace(b"_", b"&lowbar;") + b"</p>",
    "quoted-printable": lambda secret: quopri.encodestring(b"x" * 50 + b"=" + secret),
    "JSON in JSON": lambda secret: json.dumps(
        {"a": json.dumps({"k": secret.decode()}).replace("_", r"\u005f")}
    ).encode(),
    "concatenation, +": lambda secret: joined(b'x = "%s" + "%s";', secret),
    "concatenation, three over lines": lambda secret: (
        b'x = "%s" +\n      "%s" +\n      "%s";' % thirds(secret)
    ),
    "concatenation, PHP": lambda secret: joined(b"$x = '%s' . '%s';", secret),
    "concatenation, Lua": lambda secret: joined(b"x = '%s' .. '%s'", secret),
    "concatenation, Basic": lambda secret: joined(b'x = "%s" & _\r\n   "%s"', secret),
    "concatenation, Elixir": lambda secret: joined(b'x = "%s" <> "%s"', secret),
    "concatenation, SQL": lambda secret: joined(b"x = '%s' || '%s'", secret),
    "concatenation, template": lambda secret: joined(b"x = `${'%s'}${'%s'}`", secret),
    "concatenation, Python": lambda secret: joined(b'x = (\n    "%s"\n    b"%s"\n)', secret),
    "concatenation, C": lambda secret: b'char x[] = "%s"\n  "%s"\n  "%s";' % thirds(secret),
    "concatenation, shell": lambda secret: joined(b"x='%s'\\\n'%s'", secret),
    "array": lambda secret: b'["%s", "%s", "%s"].join("")' % thirds(secret),
    "array, Python": lambda secret: b"x = ''.join(['%s', '%s', '%s'])" % thirds(secret),
    "array, PHP": lambda secret: b"implode('', ['%s', '%s', '%s'])" % thirds(secret),
    "reversed, Python": lambda secret: b"x = '" + secret[::-1] + b"'[::-1]",
    "reversed, JavaScript": lambda secret: b'x = "' + secret[::-1] + b'".split("").reverse().join("")',
    "utf-16 in a program": lambda secret: b"MZ\0\1\2" + secret.decode().encode("utf-16-le") + bytes(50),
    "utf-16, big endian, in a program": lambda secret: (
        b"\0\1\2" + secret.decode().encode("utf-16-be") + bytes(50)
    ),
}

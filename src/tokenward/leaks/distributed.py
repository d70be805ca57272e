"""A client secret in an application that people download is nobody's secret.

A native or browser application is a public client: whoever has it can read what is in it, so a secret there
proves nothing (RFC 6749 §2.1, RFC 8252 §8.5). It is no leak to be mended by another secret, but a mistake
of design: the client must become a public one with PKCE.
"""

import re

from tokenward.leaks.text import Text

_APPLICATIONS = {
    ".aab": "an Android application",
    ".apk": "an Android application",
    ".appx": "a Windows application",
    ".crx": "a browser extension",
    ".ipa": "an iOS application",
    ".msix": "a Windows application",
    ".vsix": "an editor extension",
    ".xapk": "an Android application",
    ".xpi": "a browser extension",
}
_SERVED = re.compile(
    r"(?:^|[/!])(?:dist|build|public|static|assets|www|htdocs|wwwroot)/(?:.*/)?[^/!]+\.(?:m?js|html?|map)$"
)
_BUNDLE = re.compile(r"(?:\.min|\.bundle|\.chunk|[.-][0-9a-f]{8,20}|^bundle)\.m?js(?:\.map)?$")
_OF_NATIVE_APPLICATIONS = re.compile(r"/res/values[^/]*/[^/]+\.xml$|(?:^|[/!])info\.plist$")
_NEAR = 4096  # bytes before and after the secret in which a redirect URI counts as beside it
# RFC 8252 §7.1 asks for a private-use scheme in reverse domain order; the "oob" address is older than that.
_NATIVE_REDIRECT = re.compile(
    rb"urn:ietf:wg:oauth:2\.0:oob"
    rb"|redirect_?ur[il]s?[\"']?\s{0,3}[:=,\]>(\[]{1,3}\s{0,20}[\"']?(?!https?:)[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:/",
    re.IGNORECASE,
)
_INSTALLED = re.compile(rb"[\"']installed[\"']\s{0,3}:\s{0,20}\{")


def distributed(text: Text, start: int) -> str | None:
    """In which kind of distributed application the secret at `start` stands, in words; None for none."""
    path = text.path.lower()
    for outer in path.split("!")[:-1]:
        for suffix, kind in _APPLICATIONS.items():
            if outer.endswith(suffix):
                return kind
    if _SERVED.search(path) or _BUNDLE.search(text.name):
        return "a browser application"
    if _OF_NATIVE_APPLICATIONS.search("/" + path):
        return "a native application"
    around = text.data[max(0, start - _NEAR) : start + _NEAR]
    if _NATIVE_REDIRECT.search(around) or _INSTALLED.search(around):
        return "a native application, as its redirect URI shows"
    return None

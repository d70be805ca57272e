import pytest

from tokenward.leaks.distributed import distributed
from tokenward.leaks.text import Text

SECRET = b'client_secret = "a secret of some length"'


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("app.apk!assets/config.json", "an Android application"),
        ("release.zip!App.IPA!Payload/app.plist", "an iOS application"),
        ("extension.crx!background.js", "a browser extension"),
        ("web/dist/index.html", "a browser application"),
        ("static/js/app.js", "a browser application"),
        ("js/main.3f9a1b2c4d.js", "a browser application"),
        ("vendor.min.js", "a browser application"),
        ("android/app/src/main/res/values/strings.xml", "a native application"),
        ("ios/App/Info.plist", "a native application"),
        ("server/config.py", None),
        ("src/main.js", None),
        ("build/config.yaml", None),
        ("docs/apk/notes.txt", None),
    ],
)
def test_the_path_tells(path, kind):
    assert distributed(Text(SECRET, path), 0) == kind


@pytest.mark.parametrize(
    ("beside", "native"),
    [
        (b'redirect_uri = "com.example.app:/callback"', True),
        (b'"redirectUri": "com.example.app:/callback"', True),
        (b'"redirect_uris": ["urn:ietf:wg:oauth:2.0:oob"]', True),
        (b'{"installed": {"client_id": "x"', True),
        (b'redirect_uri = "https://app.example/callback"', False),
        (b'redirect_uri = "http://localhost:3000/callback"', False),
        (b'url = "com.example.app:/callback"', False),
    ],
)
def test_a_redirect_uri_beside_it_tells(beside, native):
    found = distributed(Text(beside + b"\n" + SECRET, "config.py"), len(beside))
    assert (found == "a native application, as its redirect URI shows") is native


def test_a_redirect_uri_far_away_tells_nothing():
    text = b'redirect_uri = "com.example.app:/callback"' + b"\n" * 5000 + SECRET
    assert distributed(Text(text, "config.py"), len(text) - 10) is None

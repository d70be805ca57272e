"""What people paste, and the credentials in it."""

import json

import pytest

from auditor.inspected import CLAIMS, HEADER, NOW, b64, few_secrets, found, inspected, token, told
from tokenward.auditor.inspection.reading import MAX_INPUT, NothingToInspect, read
from tokenward.auditor.inspection.shell import BadCommand, words
from tokenward.base.secret import Secret
from tokenward.tokens import opaque


@pytest.fixture(autouse=True, scope="module")
def _few_secrets():
    with few_secrets():
        yield


T = token()
SECRET = "s3cr3t-opaque-value-0123456789"


def seen(text):
    return [(each.text, each.place, each.scheme, each.to) for each in read(text.encode()).found]


def one(text, place, scheme="", to="", *, value=T):
    assert seen(text) == [(value, place, scheme, to)]


HANDED = "what was handed over"


def test_a_token_alone_with_whatever_stands_around_it():
    for text in (T, f"  {T}\n", f'"{T}"', f"'{T}'", f"`{T}`", f"\ufeff{T}\r\n", f"{T}\0"):
        one(text, HANDED)


def test_a_token_that_a_mail_broke_into_lines():
    broken = "\n".join(T[start : start + 70] for start in range(0, len(T), 70))
    one(broken, HANDED)
    assert "joined" in read(broken.encode()).notes[0]


@pytest.mark.parametrize(
    ("line", "place", "scheme"),
    [
        (f"Authorization: Bearer {T}", "the Authorization header (Bearer)", "bearer"),
        (f"authorization:bearer   {T}", "the authorization header (bearer)", "bearer"),
        (f"Authorization: DPoP {T}", "the Authorization header (DPoP)", "dpop"),
        (f"Authorization: {T}", "the Authorization header", ""),
        (f"DPoP: {T}", "the DPoP header", "proof"),
        (f"X-API-Key: {T}", "the X-API-Key header", ""),
        (f"Bearer {T}", "a header's value (Bearer)", "bearer"),
        (f"Cookie: session={T}", "the cookie session", "cookie"),
    ],
)
def test_header_lines(line, place, scheme):
    one(line, place, scheme)


def test_a_whole_request():
    text = (
        f"GET /x HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: DPoP {T}\r\nDPoP: {T}\r\nAccept: */*\r\n"
    )
    assert [place for _, place, _, _ in seen(text)] == ["the Authorization header (DPoP)", "the DPoP header"]


def test_cookies_that_are_settings_are_left_out():
    text = f"Cookie: theme=dark; sid=abc; other={SECRET}; empty="
    assert seen(text) == [("abc", "the cookie sid", "cookie", ""), (SECRET, "the cookie other", "cookie", "")]


@pytest.mark.parametrize(
    "line",
    [
        f"TOKEN={T}", f"export TOKEN={T}", f"export TOKEN='{T}'", f'TOKEN="{T}"', f"TOKEN = {T}",
        f"set TOKEN={T}", f'$env:TOKEN = "{T}"',
    ],
)  # fmt: skip
def test_variables(line):
    one(line, "the variable TOKEN")


def test_a_file_of_variables():
    assert [place for _, place, _, _ in seen(f"# mine\nA={T}\n\nB=Bearer {T}\n")] == [
        "the variable A",
        "the variable B (Bearer)",
    ]


def test_padding_is_no_assignment():
    one("dGVzdGluZw==", HANDED, value="dGVzdGluZw==")
    padded = T.replace(".", "=.", 1)
    one(padded, HANDED, value=padded)


def test_a_token_response():
    text = json.dumps({"access_token": T, "refresh_token": SECRET, "expires_in": 60, "token_type": "DPoP"})
    assert [(each[0], each[1]) for each in seen(text)] == [
        (T, "the member access_token"),
        (SECRET, "the member refresh_token"),
    ]


def test_a_url():
    one(
        f"https://ann@api.example.com/x?a=b&access_token={T}#c",
        "access_token in the query of the URL",
        "url",
        "https://api.example.com",
    )
    one(
        f"https://app.example.com/cb#id_token={T}",
        "id_token in the fragment of the URL",
        "url",
        "https://app.example.com",
    )
    one(
        "https://ann:hunter2@api.example.com/",
        "the URL, before the host",
        "login",
        "https://api.example.com",
        value="ann:hunter2",
    )


API = "https://api.example.com"
BEARER = ("the Authorization header (Bearer)", "bearer", API)


@pytest.mark.parametrize(
    "command",
    [
        f"curl -H 'Authorization: Bearer {T}' {API}/x",
        f'curl -H "Authorization: Bearer {T}" {API}/x',
        f"curl -H Authorization:\\ Bearer\\ {T} {API}/x",
        f"curl -H $'Authorization: Bearer {T}' {API}/x",
        f"curl -H $'Authorization\\x3a Bearer \\u{ord(T[0]):04x}{T[1:]}' {API}/x",
        f"curl --header 'Authorization: Bearer {T}' {API}/x",
        f"curl --header='Authorization: Bearer {T}' {API}/x",
        f"curl {API}/x \\\n  -X POST \\\r\n  -H 'Authorization: Bearer {T}' \\\n  --data '{{}}'",
        f"curl -sSLH 'Authorization: Bearer {T}' {API}/x | jq .",
        f"curl -s -XPOST -o /dev/null '-HAuthorization: Bearer {T}' {API}/x; echo done",
        f"$ HTTPS_PROXY=x /usr/bin/curl -H 'Auth'\"orization: \"'Bearer {T}' --url {API}/x > out",
        f"curl -A 'Authorization: Bearer no' -H 'Authorization: Bearer {T}' {API}/x # and so on",
    ],
)
def test_curl_commands_as_they_are_pasted(command):
    one(command, *BEARER)


def test_every_option_of_curl_that_holds_a_credential():
    command = (
        f"curl -u ann:hunter2 --oauth2-bearer {T} -b 'sid=abc; theme=dark' -H 'DPoP: {T}' "
        f"-d 'grant_type=refresh_token&refresh_token={SECRET}' "
        f"'api.example.com:8443/x?api_key={SECRET}&page=2'"
    )
    to = "http://api.example.com:8443"
    assert seen(command) == [
        ("ann:hunter2", "the option -u", "login", to),
        (T, "the option --oauth2-bearer", "bearer", to),
        ("abc", "the cookie sid", "cookie", to),
        (T, "the DPoP header", "proof", to),
        (SECRET, "refresh_token in the body", "", to),
        (SECRET, "api_key in the query of the URL", "url", to),
    ]


@pytest.mark.parametrize(
    ("command", "note"),
    [
        (f'curl -H "Authorization: Bearer $TOKEN" -u a:b {API}', "variable TOKEN"),
        (f'curl -H "Authorization: Bearer ${{TOKEN:-x}}" {API}', "variable TOKEN"),
        (f'curl -H "Authorization: Bearer $(cat token)" {API}', "command's output"),
        (f"curl -H `cat h` -u a:b {API}", "command's output"),
        (f"curl -u a:b -H @headers {API}", "Headers come from a file"),
        (f"curl -u a:b -b jar {API}", "Cookies come from a file"),
        (f"curl -u a:b -K config {API}", "Options come from a file"),
    ],
)
def test_what_a_command_takes_from_elsewhere_is_said_and_never_looked_at(command, note):
    assert any(note in each for each in read(command.encode()).notes)


def test_single_quotes_expand_nothing():
    assert words("a '$B' \"\\$C\"").variables == ()
    assert words("a '$B' \"\\$C\"").words == ("a", "$B", "$C")


@pytest.mark.parametrize("command", ["curl 'x", 'curl "x', "curl $'x\\'", "curl " + "a " * 3000])
def test_what_is_no_command_is_refused(command):
    with pytest.raises(BadCommand):
        words(command)
    with pytest.raises(NothingToInspect):
        read(command.encode())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "nothing in it"),
        (b" \n\0", "nothing in it"),
        (b"\xff\xfe", "UTF-8"),
        (b"curl https://example.com", "no credential"),
        (b"https://example.com/", "no credential"),
        (b"Cookie: a=b", "no credential"),
        (b"x" * (MAX_INPUT + 1), "larger than 1,024 KiB"),
    ],
)
def test_where_there_is_nothing_to_inspect_the_message_says_why(data, why):
    with pytest.raises(NothingToInspect, match=why):
        read(data)


def what(text, **means):
    return inspected(text, **means).sections[0].title


BASIC = "Authorization: Basic YW5uOmh1bnRlcjI="


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (T, "An OAuth access token in the form of a JWT (RFC 9068)"),
        (token({"typ": "application/AT+JWT"}), "An OAuth access token in the form of a JWT (RFC 9068)"),
        (token({"typ": "dpop+jwt"}), "A DPoP proof (RFC 9449)"),
        (token({"typ": "logout+jwt"}), "A logout token"),
        (token({"typ": "JWT"}, {"nonce": "n"}, without=["scope"]), "An ID token"),
        (token({"typ": "JWT"}, {"token_use": "id"}), "An ID token"),
        (token({"typ": "JWT"}, {"typ": "Refresh"}), "A refresh token"),
        (token({"typ": "JWT"}, {"typ": "Bearer"}), "An access token"),
        (token({"typ": "JWT"}, {"htm": "GET", "htu": "x"}), "A DPoP proof"),
        (token({"typ": "JWT"}, {"sub": CLAIMS["iss"]}, without=["scope", "client_id"]), "A client assertion"),
        (token({"typ": "JWT"}, without=["scope", "client_id"]), "A signed token"),
        (f"Bearer {token({'typ': 'JWT'}, without=['scope', 'client_id'])}", "An access token"),
        (T.rpartition(".")[0], "A JWT whose signature was cut off"),
        (".".join([b64({"alg": "dir", "enc": "A256GCM"}), "", "AAAA", "AAAA", "AAAA"]), "An encrypted token"),
        (f"{T}~WyJzYWx0IiwibmFtZSIsIkFubiJd~", "An SD-JWT"),
        ("v4.local.AAAAAAAAAAAAAAAAAAAA", "A PASETO (v4.local)"),
        (json.dumps({"payload": "AA", "signatures": []}), "A JWS in JSON form"),
        (json.dumps({"ciphertext": "AA"}), "A JWE in JSON form"),
        (BASIC, "Basic credentials"),
        ("Authorization: Basic !!!", "Damaged Basic credentials"),
        ("c0ffee00-1234-4abc-8def-001122334455", "An opaque text"),
        ("hello world", "An opaque text"),
    ],
)
def test_it_says_what_it_is(text, title):
    assert what(text).startswith(title)


@pytest.mark.parametrize("kind", opaque.KINDS)
def test_tokens_of_ours_are_known_with_their_id_and_time(kind):
    made = opaque.new(kind, prefix="acme")
    secret: Secret = made.secret
    result = inspected(secret.reveal())
    text = told(result)
    assert made.token_id in text
    assert opaque.KINDS[kind] in result.sections[0].title
    assert secret.reveal()[-49:] not in text
    assert "Checksum good" in text
    damaged = secret.reveal()[:-1]
    assert "cut short" in told(inspected(damaged))
    assert "longer" in told(inspected(secret.reveal() + "x"))


def test_basic_credentials_tell_the_user_and_never_the_password():
    for text in (BASIC, "curl -u ann:hunter2 https://example.com", "https://ann:hunter2@example.com"):
        shown = told(inspected(text))
        assert "User ann" in shown
        assert "hunter2" not in shown
        assert "aHVudGVy" not in shown


def test_a_proof_beside_its_token_is_told_apart():
    result = inspected(f"Authorization: DPoP {T}\nDPoP: {token({'typ': 'dpop+jwt'})}")
    assert [
        each.title.split(" ")[1] for each in result.sections if "Seen in" in {e.name for e in each.entries}
    ] == [
        "OAuth",
        "DPoP",
    ]
    assert {each.place.pointer.split("/")[1] for each in result.findings} <= {"0", "1"}


def test_a_time_is_told_in_words():
    text = told(inspected(token(claims={"iat": NOW - 120, "exp": NOW + 240, "auth_time": NOW - 3 * 86_400})))
    for words_ in ("in 4 minutes", "2 minutes ago", "3 days ago", "after 6 minutes in all"):
        assert words_ in text
    assert "without end" in told(inspected(token(without=["exp"])))
    assert "without end" not in told(inspected(token({"typ": "dpop+jwt"}, without=["exp"])))
    assert "over since 1 hour" in told(inspected(token(claims={"iat": NOW - 7200, "exp": NOW - 3600})))
    assert "read as milliseconds" in told(inspected(token(claims={"exp": NOW * 1000})))


def test_private_names_are_said_to_be():
    text = told(inspected(token({"x-mine": 1}, {"https://example.com/plan": "gold", "tid": "t"})))
    assert "https://example.com/plan gold private to its issuer" in text
    assert "as Microsoft Entra ID uses it" in text
    assert "x-mine 1 private" in text


def test_no_more_than_twenty_credentials():
    text = "\n".join(f"V{number}={T}" for number in range(30))
    result = read(text.encode())
    assert len(result.found) == 20
    assert "30 credentials" in result.notes[0]
    assert found(T) == {}
    assert HEADER["alg"] in told(inspected(T))

"""What looks like a secret and is none: every file here must stay without a finding."""

import base64
import hashlib
import json
import uuid
from random import Random


def lookalikes(random: Random) -> dict[str, str]:
    """Path -> content; the same random state gives the same files."""
    return {
        "package-lock.json": _package_lock(random),
        "poetry.lock": _poetry_lock(random),
        "go.sum": _go_sum(random),
        "Cargo.lock": _cargo_lock(random),
        "web/vendor/library.min.js": _minified(random),
        "web/style.css": _style(random),
        "assets/icons.json": _icons(random),
        "docs/page.html": _page(random),
        "keys/release.pub": f"ssh-ed25519 {_base64(random, 51)} release@example.net\n",
        "keys/tls.crt": _certificate(random),
        "keys/public.pem": _public_key(random),
        "db/fixtures.sql": _fixtures(random),
        "ids.csv": "\n".join(str(_uuid(random)) for _ in range(200)) + "\n",
        "checksums.txt": "\n".join(f"{_hex(random, 64)}  file{number}.tar.gz" for number in range(60)) + "\n",
        "config/example.env": _placeholders(),
        "src/login_form.tsx": _form(),
        "src/auth.py": _code(),
        "locale/de.json": _labels(),
        "git-log.txt": "\n".join(f"commit {_hex(random, 40)}" for _ in range(120)) + "\n",
        "integrity.html": _integrity(random),
        "deploy/sealed.yaml": _sealed(random),
        "app/google-services.json": _public_identifiers(random),
    }


def _bytes(random: Random, size: int) -> bytes:
    return random.randbytes(size)


def _hex(random: Random, digits: int) -> str:
    return _bytes(random, digits // 2).hex()


def _base64(random: Random, size: int) -> str:
    return base64.b64encode(_bytes(random, size)).decode()


def _uuid(random: Random) -> uuid.UUID:
    return uuid.UUID(bytes=_bytes(random, 16), version=4)


def _package_lock(random: Random) -> str:
    packages = {
        f"node_modules/package-{number}": {
            "version": f"{random.randrange(9)}.{random.randrange(30)}.{random.randrange(9)}",
            "resolved": f"https://registry.example.net/package-{number}.tgz",
            "integrity": f"sha512-{_base64(random, 64)}",
        }
        for number in range(150)
    }
    return json.dumps({"name": "shop", "lockfileVersion": 3, "packages": packages}, indent=2)


def _poetry_lock(random: Random) -> str:
    return "\n".join(
        f'[[package]]\nname = "package-{number}"\nversion = "1.{number}"\nfiles = [\n'
        f'    {{file = "package_{number}-py3-none-any.whl", hash = "sha256:{_hex(random, 64)}"}},\n]\n'
        for number in range(80)
    )


def _go_sum(random: Random) -> str:
    return "\n".join(
        f"example.net/module{number} v1.{number}.0 h1:{_base64(random, 32)}" for number in range(120)
    )


def _cargo_lock(random: Random) -> str:
    return "\n".join(
        f'[[package]]\nname = "crate-{number}"\nversion = "0.{number}.1"\nchecksum = "{_hex(random, 64)}"\n'
        for number in range(80)
    )


def _minified(random: Random) -> str:
    words = ("token", "key", "secret", "password", "auth", "value", "node", "next", "parse", "type", "state")
    parts = [
        f"function {random.choice('abcdefgh')}{number}(e,t){{var n=e.{random.choice(words)};"
        f"return n&&n.{random.choice(words)}?t[n.{random.choice(words)}]:"
        f'e.{random.choice(words)}="{random.choice(words)}-{random.choice(words)}"}}'
        for number in range(1500)
    ]
    return "!function(){" + ";".join(parts) + "}();\n"


def _style(random: Random) -> str:
    return "\n".join(
        f".card-{number} {{ color: #{_hex(random, 6)}; "
        f"background: url(data:image/png;base64,{_base64(random, 90)}) }}"
        for number in range(80)
    )


def _icons(random: Random) -> str:
    return json.dumps(
        {f"icon{number}": f"data:image/png;base64,{_base64(random, 700)}" for number in range(40)}
    )


def _page(random: Random) -> str:
    return "<html><body>" + "".join(
        f'<div id="{_uuid(random)}" data-key="row-{number}" class="auth-token-row">{number}</div>'
        for number in range(200)
    )


def _wrapped(text: str) -> str:
    return "\n".join(text[at : at + 64] for at in range(0, len(text), 64))


def _certificate(random: Random) -> str:
    body = _wrapped(_base64(random, 900))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def _public_key(random: Random) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{_wrapped(_base64(random, 294))}\n-----END PUBLIC KEY-----\n"


def _fixtures(random: Random) -> str:
    rows = []
    for number in range(150):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        rows.append(f"({number}, '{_uuid(random)}', '{digest}', 'person{number}@example.net')")
    return "INSERT INTO people (id, external_id, avatar_hash, mail) VALUES\n" + ",\n".join(rows) + ";\n"


def _placeholders() -> str:
    return """API_KEY=your-api-key-here
SECRET_KEY=changeme
DB_PASSWORD=<password>
ACCESS_TOKEN=${ACCESS_TOKEN}
CLIENT_SECRET={{ client_secret }}
STRIPE_KEY=sk_test_xxxxxxxxxxxxxxxxxxxxxxxx
GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
JWT_SECRET=TODO
SLACK_WEBHOOK=https://hooks.slack.example/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX
"""


def _form() -> str:
    return """export function Login() {
  const [password, setPassword] = useState('');
  const passwordHint = 'At least twelve characters';
  return (
    <form>
      <input type="password" name="password" autoComplete="current-password" value={password} />
      <label htmlFor="password">Password</label>
      <a href="/reset?token=">Forgot your password?</a>
    </form>
  );
}
"""


def _code() -> str:
    return '''import os
import secrets

API_KEY = os.environ["API_KEY"]
TOKEN_URL = "https://login.example.net/oauth/token"
PASSWORD_FIELD = "password"
token_type = "Bearer"
SECRET_NAME = "projects/shop/secrets/database-password"


def check(password: str, stored_password_hash: bytes) -> bool:
    """Compare a password with its hash."""
    secret_key = derive(password, salt=b"")
    api_token = secrets.token_urlsafe(32)
    return api_token is not None and secret_key == stored_password_hash


def test_wrong_password(client):
    assert client.login(username="alice", password="wrong-password") is False
'''


def _labels() -> str:
    labels = {
        "password": "Passwort",
        "passwordRepeat": "Passwort wiederholen",
        "apiKey": "API-Schlüssel",
        "tokenExpired": "Das Token ist abgelaufen, bitte neu anmelden",
        "secretHint": "Niemandem zeigen",
    }
    return json.dumps(labels, indent=2, ensure_ascii=False)


def _integrity(random: Random) -> str:
    return "\n".join(
        f'<script src="/js/{number}.js" integrity="sha384-{_base64(random, 48)}"></script>'
        for number in range(40)
    )


def _sealed(random: Random) -> str:
    return f"""apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {{name: database}}
spec:
  encryptedData:
    password: {_base64(random, 300)}
    username: {_base64(random, 300)}
"""


def _public_identifiers(random: Random) -> str:
    return json.dumps(
        {
            "project_info": {"project_number": str(random.randrange(10**11, 10**12)), "project_id": "shop"},
            "client_id": f"{random.randrange(10**11, 10**12)}-{_hex(random, 32)}.apps.googleusercontent.com",
            "stripe_publishable_key": f"pk_live_{_hex(random, 24)}",
            "mapbox_public": f"pk.{_base64(random, 60).rstrip('=')}.{_hex(random, 22)}",
        }
    )

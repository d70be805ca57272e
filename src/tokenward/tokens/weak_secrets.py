"""Secrets that everybody tries first, because tutorials, templates and debuggers print them."""

# Of our own gathering: documentation of JWT libraries, starter templates, and the usual words.
_WORDS = """
secret Secret SECRET secrets secret123 secret1234 secret_key secretkey secret-key SECRET_KEY SecretKey
my_secret my-secret mysecret mySecret my_secret_key my-secret-key mysecretkey mySecretKey MySecretKey
supersecret super_secret super-secret superSecret supersecretkey super_secret_key super-secret-key
supersecretpassword topsecret top_secret top-secret verysecret very_secret very-secret verysecretkey jwt
jwtsecret jwt_secret jwt-secret JWT_SECRET jwtSecret jwt_secret_key jwtSecretKey jwt-secret-key password
Password PASSWORD password1 password123 passw0rd P@ssw0rd pass passphrase changeme change-me change_me
CHANGEME changeit changethis change_this please-change-me test test123 testing testkey test_key test-key
test_secret test-secret testsecret example key mykey my_key my-key private privatekey private_key
private-key privateKey token tokensecret token_secret token-secret admin admin123 root default development
dev devsecret dev-secret dev_secret dev-secret-key hello helloworld hello-world foo bar foobar qwerty abc123
abcdef 123456 1234567890 12345678 123456789 0123456789 letmein gfg_jwt_secret_key shhhhh shhhhhh shhhhhhh
shhhh ssshhh keyboard_cat s3cr3t s3cret S3cr3t sekret session session_secret app app_secret app-secret
appsecret auth auth_secret authsecret node_secret laravel django flask express signing_key signing-key
signingkey hmac_key hs256-secret yoursecret your_secret your-secret yourSecret your-secret-key
your_secret_key yoursecretkey your_jwt_secret your-jwt-secret your_jwt_secret_key your-256-bit-secret
your-384-bit-secret your-512-bit-secret your-secret-key-here replace_me replaceme insecure insecure-secret
dontsharethis notasecret not-a-secret unsafe
""".split()  # noqa: SIM905 - two hundred quoted words would be a page
_SENTENCES = (
    "",
    "keyboard cat",
    "this is a secret",
    "this is my secret",
    "my secret",
    "your-256-bit-secret-your-256-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "qwertyuiopasdfghjklzxcvbnm123456",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "super-secret-jwt-token-with-at-least-32-characters-long",
)

WEAK_SECRETS: tuple[bytes, ...] = tuple(word.encode() for word in (*_WORDS, *_SENTENCES))

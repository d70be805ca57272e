"""API keys: what may be given out, rotation, import, and who may end one."""

import hashlib
from dataclasses import replace

import pytest

from issuer.house import BANK, WEATHER, House, error, lived
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.issuer.api_keys import ApiKeyDesk, Terms, add_key, rotate_key
from tokenward.issuer.clients import register
from tokenward.issuer.key_imports import import_keys, read_table
from tokenward.store.live import live_api_key
from tokenward.tokens import opaque

DAY = 86_400
TERMS = Terms(WEATHER, ("forecast:read",))
FOREIGN = "sk_live_51HxYz/secret+key="


def desk(h: House) -> ApiKeyDesk:
    return ApiKeyDesk(h.issuer.store, h.issuer.settings, h.issuer.peppers, h.clock)


async def add(h: House, terms=TERMS, **what):
    key, secret = await add_key(desk(h), terms, **{"name": "Widget", "owner": "ann@example.com", **what})
    return key, secret.reveal()


async def imported(h: House, text=FOREIGN, **columns):
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = {"name": "Old", "owner": "ops", "sha256": digest, **columns}
    table = f"{','.join(row)}\n{','.join(row.values())}\n"
    (key,) = await import_keys(desk(h), TERMS, read_table(table))
    return key


async def live(h: House, text):
    return await live_api_key(h.issuer.store, h.issuer.peppers, text, at=h.clock.time())


@lived
async def test_a_key_has_our_form_an_owner_and_an_end_and_only_its_keyed_hash_is_kept(h: House):
    key, text = await add(h)
    assert opaque.parse(text, kind="ak").token_id == key.key_id
    assert opaque.matches(h.issuer.peppers, text, key.keyed_hash)
    assert key.last_four == text[-4:]
    assert key.expires_at == h.clock.time() + 90 * DAY
    assert await live(h, text) == key
    assert text not in repr(await h.issuer.store.api_keys())


@lived
async def test_no_key_lives_longer_than_the_policy_allows(h: House):
    key, _ = await add(h, lifetime=365 * DAY)
    assert key.expires_at == h.clock.time() + 365 * DAY
    for lifetime in (365 * DAY + 1, 0, -1):
        with pytest.raises(Refusal) as caught:
            await add(h, lifetime=lifetime)
        assert caught.value.problem is INVALID_INPUT


@pytest.mark.parametrize(
    "changes",
    [
        {"terms": Terms("https://nobody.example/")},
        {"terms": Terms(WEATHER, ("accounts:read",))},
        {"terms": Terms(WEATHER, ("openid",))},
        {"terms": Terms(WEATHER, addresses=("10.0.0.1/8",))},
        {"terms": Terms(WEATHER, addresses=("everywhere",))},
        {"terms": Terms(WEATHER, addresses=("::ffff:192.0.2.7",))},  # nobody would ever come from there
        {"terms": Terms(WEATHER, addresses=("::ffff:0:0/96",))},
        {"terms": Terms(WEATHER, addresses=tuple(f"192.0.2.{n}" for n in range(51)))},
        {"terms": Terms(WEATHER, origins=("https://app.example/path",))},
        {"terms": Terms(WEATHER, origins=("https://app.example/",))},
        {"terms": Terms(WEATHER, origins=("https://App.example",))},
        {"terms": Terms(WEATHER, origins=("https://app.example:443",))},
        {"terms": Terms(WEATHER, origins=("https://m\u00fcnchen.example",))},
        {"terms": Terms(WEATHER, origins=("null",))},
        {"terms": Terms(WEATHER, origins=("*",))},
        {"terms": Terms(WEATHER, origins=tuple(f"https://{n}.example" for n in range(51)))},
        {"terms": Terms(WEATHER, rate=0)},
        {"terms": Terms(WEATHER, rate=1_000_001)},
        {"name": ""},
        {"name": "a\nb"},
        {"name": "a" * 101},
        {"owner": ""},
        {"owner": " ann"},
        pytest.param({"owner": opaque.new("ak").secret.reveal()}, id="a key as its owner"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(tmp_path, changes):
    @lived
    async def story(h: House):
        with pytest.raises(Refusal) as caught:
            await add(h, **changes)
        assert caught.value.problem is INVALID_INPUT
        assert await h.issuer.store.api_keys() == []

    story(tmp_path)


@lived
async def test_terms_are_kept_in_one_spelling(h: House):
    terms = Terms(WEATHER, ("shared", "shared"), ("192.0.2.7", "2001:DB8::/32"), ("https://app.example",), 60)
    key, _ = await add(h, terms)
    assert (key.scopes, key.addresses, key.origins, key.rate) == (
        ("shared",), ("192.0.2.7/32", "2001:db8::/32"), ("https://app.example",), 60,
    )  # fmt: skip


@lived
async def test_a_successor_has_the_same_terms_and_the_old_key_ends_after_the_overlap(h: House):
    terms = Terms(WEATHER, ("shared",), ("192.0.2.0/24",), ("https://app.example",), 60)
    old, old_text = await add(h, terms, lifetime=30 * DAY)
    h.clock.advance(10 * DAY)
    new, secret = await rotate_key(desk(h), old.key_id, overlap=3600)
    kept = ("name", "owner", "audience", "scopes", "addresses", "origins", "rate")
    assert [getattr(new, name) for name in kept] == [getattr(old, name) for name in kept]
    assert new.rotated_from == old.key_id
    assert new.expires_at == h.clock.time() + 30 * DAY
    h.clock.advance(3599)
    assert await live(h, old_text)
    h.clock.advance(1)
    assert await live(h, old_text) is None
    assert await live(h, secret.reveal()) == new


@lived
async def test_neither_key_outlives_the_policy_of_today(h: House):
    old, old_text = await add(h, lifetime=365 * DAY)
    h.clock.advance(9 * DAY)
    tightened = ApiKeyDesk(
        h.issuer.store, replace(h.issuer.settings, api_key_longest=10 * DAY), h.issuer.peppers, h.clock
    )
    new, _ = await rotate_key(tightened, old.key_id, overlap=5 * DAY)
    assert new.expires_at == h.clock.time() + 10 * DAY
    h.clock.advance(DAY)
    assert await live(h, old_text) is None, "ten days after it was made"


@lived
async def test_a_key_that_is_too_old_for_the_policy_of_today_ends_now_and_not_in_the_past(h: House):
    old, _ = await add(h, lifetime=365 * DAY)
    h.clock.advance(20 * DAY)
    tightened = replace(h.issuer.settings, api_key_longest=10 * DAY)
    await rotate_key(ApiKeyDesk(h.issuer.store, tightened, h.issuer.peppers, h.clock), old.key_id, overlap=60)
    assert (await h.issuer.store.api_key(old.key_id)).key.expires_at == h.clock.time()


@lived
async def test_an_old_key_never_gains_life_by_rotation(h: House):
    old, old_text = await add(h, lifetime=DAY)
    await rotate_key(desk(h), old.key_id, overlap=30 * DAY)
    h.clock.advance(DAY)
    assert await live(h, old_text) is None


@lived
async def test_a_key_is_rotated_once_and_only_while_it_lives(h: House):
    rotated, revoked, ended = [(await add(h, lifetime=DAY))[0] for _ in range(3)]
    await rotate_key(desk(h), rotated.key_id, overlap=60)
    await h.issuer.store.revoke_api_key(revoked.key_id, h.clock.time())
    for key_id in (rotated.key_id, revoked.key_id):
        with pytest.raises(Refusal) as caught:
            await rotate_key(desk(h), key_id)
        assert caught.value.problem is CONFLICT
    h.clock.advance(DAY)
    for key_id, overlap, problem in (
        (ended.key_id, 0, CONFLICT),
        ("nobody", 0, NOT_FOUND),
        (ended.key_id, -1, INVALID_INPUT),
        (ended.key_id, 30 * DAY + 1, INVALID_INPUT),
    ):
        with pytest.raises(Refusal) as caught:
            await rotate_key(desk(h), key_id, overlap=overlap)
        assert caught.value.problem is problem


@lived
async def test_a_key_that_is_wrong_in_any_way_is_none(h: House):
    key, text = await add(h)
    other = opaque.new("ak").secret.reveal()
    forged = other.replace(opaque.parse(other).token_id, key.key_id)[:-6]
    for wrong in (
        forged + opaque._checksum(forged),  # the right locator
        text[:-1] + ("0" if text[-1] != "0" else "1"),
        other,
        text.replace("tkw_ak_", "tkw_at_"),
        key.key_id,
        "",
    ):
        assert await live(h, wrong) is None
    h.clock.advance(90 * DAY)
    assert await live(h, text) is None


# Import


@lived
async def test_an_imported_key_is_live_marked_and_known_by_its_hash_only(h: House):
    key = await imported(h, last_four="key=")
    assert key.imported
    assert key.last_four == "key="
    assert key.expires_at == h.clock.time() + 90 * DAY
    assert await live(h, FOREIGN) == key
    assert await live(h, FOREIGN + " ") is None
    assert key.keyed_hash != hashlib.sha256(FOREIGN.encode()).digest()


@lived
async def test_every_pepper_finds_an_imported_key(h: House):
    key = await imported(h)
    peppers = (b"n" * 32, *h.issuer.peppers)
    assert await live_api_key(h.issuer.store, peppers, FOREIGN, at=h.clock.time()) == key
    assert await live_api_key(h.issuer.store, peppers[:1], FOREIGN, at=h.clock.time()) is None


@lived
async def test_rotating_an_imported_key_gives_one_of_ours(h: House):
    key = await imported(h)
    new, secret = await rotate_key(desk(h), key.key_id)
    assert not new.imported
    assert opaque.parse(secret.reveal(), kind="ak").token_id == new.key_id
    assert await live(h, FOREIGN) is None
    assert await live(h, key.key_id) is None


@lived
async def test_a_key_of_our_form_is_never_found_by_its_hash(h: House):
    """Nobody can register the hash of a key that is to look like ours: it would escape the locator."""
    for kind in ("ak", "at"):
        text = opaque.new(kind).secret.reveal()
        await imported(h, text)
        assert await live(h, text) is None


GOOD = "0" * 64
HEAD = "name,owner,sha256"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", "line 1 must name the columns"),
        ("name,owner\na,b\n", "line 1 must name the columns"),
        ("name,owner,sha256,name\n", "line 1 must name the columns"),
        ("name,owner,sha256,scope\n", "line 1 must name the columns"),
        (f"{HEAD}\n", "no key in the table"),
        (f"{HEAD}\na,b,{GOOD}\nc,d\n", "line 3: 2 columns instead of 3"),
        (f'{HEAD}\n"a,b,{GOOD}\n', "no CSV"),
        (f"{HEAD}\na,b,{GOOD[1:]}\n", "line 2: sha256 has not 64"),
        (f"{HEAD}\na,b,{GOOD}\n\nc,d,{GOOD}\n", "line 4: the same sha256 as line 2"),
        (f"{HEAD}\n,b,{GOOD}\n", "line 2: the name must have"),
        (f"{HEAD}\na,,{GOOD}\n", "line 2: the owner must have"),
        (f"{HEAD},expires\na,b,{GOOD},soon\n", "line 2: expires is no date"),
        (f"{HEAD},expires\na,b,{GOOD},2001-01-01\n", "line 2: the key has ended"),
        (f"{HEAD},expires\na,b,{GOOD},2099-01-01\n", "line 2: no key lives longer than until 2028-01-15"),
        (f"{HEAD},last_four\na,b,{GOOD},12345\n", "line 2: last_four"),
        (f"{HEAD},last_four\na,b,{GOOD},1\x1b2\n", "line 2: last_four"),
        (f"{HEAD}\na\u2028,b,{GOOD[1:]}\n", "line 2: sha256 has not 64"),
        (f"{HEAD}\na\x85z,b,{GOOD}\n", "line 2: the name must have"),
    ],
)
def test_a_table_is_taken_whole_or_refused_by_line(tmp_path, table, told):
    @lived
    async def story(h: House):
        with pytest.raises(Refusal) as caught:
            await import_keys(desk(h), TERMS, read_table(table))
        assert caught.value.problem is INVALID_INPUT
        assert told in caught.value.detail
        assert await h.issuer.store.api_keys() == []

    story(tmp_path)


@lived
async def test_keys_are_imported_on_no_other_terms_than_keys_are_made(h: House):
    table = read_table(f"{HEAD}\na,b,{GOOD}\n")
    for terms in (Terms("https://nobody.example/"), Terms(WEATHER, ("openid",)), Terms(WEATHER, rate=0)):
        with pytest.raises(Refusal) as caught:
            await import_keys(desk(h), terms, table)
        assert caught.value.problem is INVALID_INPUT
    assert await h.issuer.store.api_keys() == []


def test_no_hash_of_a_table_is_shown():
    assert GOOD not in repr(read_table(f"{HEAD}\na,b,{GOOD}\n"))


@lived
async def test_tables_are_read_as_people_export_them(h: House):
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in ("one", "two", "three")]
    table = (
        "\ufeffowner,Name,SHA256,expires\r\n"
        f'"ann, bob",First,{digests[0].upper()},2027-06-01 12:00:00+02\r\n'
        f"ops,Second,\\x{digests[1]},\r\n"
        f"ops,Third,{digests[2]},2027-06-01\r\n"
    )
    keys = await import_keys(desk(h), TERMS, read_table(table))
    assert [key.owner for key in keys] == ["ann, bob", "ops", "ops"]
    assert [key.expires_at for key in keys] == [1811844000.0, h.clock.time() + 90 * DAY, 1811808000.0]
    assert (await live(h, "one")).name == "First"
    assert (await live(h, "two")).name == "Second"


@lived
async def test_a_large_table_is_imported_within_a_millisecond(h: House):
    """Here the clock stands still: of so many locators of one moment some would be the same."""
    rows = [f"a,b,{number:064x}" for number in range(8000)]
    keys = await import_keys(desk(h), TERMS, read_table("\n".join([HEAD, *rows])))
    assert len({key.key_id for key in keys}) == len(await h.issuer.store.api_keys()) == 8000


@lived
async def test_what_was_imported_before_is_not_imported_again(h: House):
    await imported(h, "one")
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in ("two", "one")]
    with pytest.raises(Refusal) as caught:
        await import_keys(desk(h), TERMS, read_table(f"{HEAD}\na,b,{digests[0]}\na,b,{digests[1]}\n"))
    assert caught.value.problem is CONFLICT
    assert "line 3" in caught.value.detail
    assert await live(h, "two") is None


# Whoever holds a key can end it


@lived
async def test_a_key_is_proof_enough_to_end_it(h: House):
    key, text = await add(h)
    assert (await h.http.post("/revoke", data={"token": text})).status_code == 200
    assert await live(h, text) is None
    (event,) = await h.issuer.store.feed_after(0, limit=9)
    assert (event.revoked, event.subject) == ("api_key", key.key_id)
    assert (await h.http.post("/revoke", data={"token": text})).status_code == 200, "twice is fine"


@lived
async def test_an_imported_key_can_be_ended_by_its_holder_too(h: House):
    for text in (FOREIGN, "header.payload.signature"):
        await imported(h, text)
        assert (await h.http.post("/revoke", data={"token": text})).status_code == 200
        assert await live(h, text) is None


@lived
async def test_a_key_that_nobody_knows_ends_nothing_and_guessing_is_slowed_down(h: House):
    key, text = await add(h)
    other = opaque.new("ak").secret.reveal()
    forged = other.replace(opaque.parse(other).token_id, key.key_id)[:-6]
    guesses = [forged + opaque._checksum(forged), other, "tkw_ak_short"]
    for guess in guesses:
        assert (await h.http.post("/revoke", data={"token": guess})).status_code == 200
    assert error(await h.http.post("/revoke", data={"token": "a guess"})) == (401, "invalid_client")
    for _ in range(16):
        await h.http.post("/revoke", data={"token": "a guess"})
    answer = await h.http.post("/revoke", data={"token": "a guess"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert await live(h, text)
    assert (await h.http.post("/revoke", data={"token": text})).status_code == 200, "who is right never waits"
    assert await live(h, text) is None


@lived
async def test_a_key_that_was_not_counted_as_a_guess_makes_no_guess_good(h: House):
    _, text = await add(h)
    for _ in range(20):
        await h.http.post("/revoke", data={"token": "a guess"})
    assert (await h.http.post("/revoke", data={"token": text})).status_code == 200
    assert (await h.http.post("/revoke", data={"token": "a guess"})).status_code == 429


@lived
async def test_whoever_ends_many_imported_keys_guessed_none(h: House):
    texts = [f"sk_live_{number}" for number in range(25)]
    for text in texts:
        await imported(h, text)
    for text in texts:
        assert (await h.http.post("/revoke", data={"token": text})).status_code == 200


@lived
async def test_who_guesses_imported_keys_is_told_to_wait_before_anybody_looks(h: House):
    """They have a form of somebody else's, and may be short."""
    await imported(h, "12345678")
    for guess in range(20):
        await h.http.post("/revoke", data={"token": f"guess {guess}"})
    assert (await h.http.post("/revoke", data={"token": "12345678"})).status_code == 429
    assert await live(h, "12345678")
    h.clock.advance(10)
    assert (await h.http.post("/revoke", data={"token": "12345678"})).status_code == 200
    assert await live(h, "12345678") is None


# A key is nothing else


@lived
async def test_a_key_is_no_client_secret_and_no_token_to_introspect(h: House):
    _, text = await add(h, Terms(BANK, ("accounts:read",)))
    app = await h.client("service", "accounts:read", f"introspect:{BANK}")
    grant = {"grant_type": "client_credentials", "scope": "accounts:read"}
    form = {"client_id": app.id, "client_secret": text, **grant}
    assert error(await h.http.post("/token", data=form)) == (401, "invalid_client")
    header = app.basic(text)
    assert error(await h.http.post("/token", data=grant, headers=header)) == (401, "invalid_client")
    assert (await app.post("/introspect", token=text)).content == b'{"active": false}'


@lived
async def test_no_client_can_have_the_client_id_of_a_key(h: House):
    with pytest.raises(Refusal):
        await register(h.desk, name="X", client_type="service", scopes=(), client_id="api_key/4U9WEWqebqm")

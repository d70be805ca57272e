"""A television is let in, or not, as a person meets it: in Debian's Chromium, without JavaScript."""

import pytest

from e2e.devices import Television
from tokenward.app.demo import PERSON, running_demo
from tokenward.flows.errors import FlowError


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("device"), free_ports=True, issuer_host="localhost") as demo:
        yield demo


@pytest.fixture
def page(browser):
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def television(house, http):
    return Television(house, http)


def sign_in(page, house):
    page.get_by_label("User name").fill(PERSON)
    page.get_by_label("Password").fill(house.cast.password.reveal())
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_person_types_the_code_and_the_television_goes_on(house, page, television):
    told, polling = television.ask()
    page.goto(told.verification_uri)
    sign_in(page, house)
    page.wait_for_url(told.verification_uri)
    page.get_by_label("The code that the device shows").fill("BBBB BBBB")
    page.get_by_role("button", name="Go on").click()
    assert page.get_by_role("alert").inner_text().startswith("No device is waiting with this code.")
    page.get_by_label("The code that the device shows").fill(told.user_code.lower().replace("-", " "))
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="A device asks for access: Living room TV").wait_for()
    main = page.get_by_role("main")
    for text in (
        told.user_code,
        "Only go on if you started this yourself, on a device in front of you.",
        "127.0.0.1, the same as this browser",
        "Less than a minute ago",
        f"You are signed in as {PERSON}.",
    ):
        assert text in main.inner_text()
    allow, deny = (page.get_by_role("button", name=name) for name in ("Allow", "Deny"))
    assert allow.bounding_box()["height"] == deny.bounding_box()["height"]
    assert allow.bounding_box()["width"] == deny.bounding_box()["width"]
    assert television.poll(polling) is None
    allow.click()
    page.get_by_role("heading", name="Living room TV has access").wait_for()
    tokens = television.poll(polling)
    assert tokens.refresh_token
    assert tokens.id_token
    page.get_by_role("link", name="To your account").click()
    page.wait_for_url(f"{house.urls['issuer']}/account")
    applications = page.get_by_role("region", name="Applications that can act for you")
    assert applications.get_by_text("Living room TV").count() == 1


def test_a_code_by_address_is_never_enough_and_a_no_is_told(house, page, television):
    told, polling = television.ask()
    page.goto(told.verification_uri_complete)
    sign_in(page, house)
    page.wait_for_url(told.verification_uri_complete)
    assert page.get_by_label("The code that the device shows").input_value() == told.user_code
    assert television.poll(polling) is None
    page.get_by_role("button", name="Go on").click()
    assert told.user_code in page.get_by_role("main").inner_text()
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("heading", name="Living room TV gets no access").wait_for()
    with pytest.raises(FlowError, match="access_denied"):
        television.poll(polling)


def test_no_other_page_can_frame_it(page, television):
    told, _ = television.ask()
    for path in ("", "/decision"):
        answer = page.request.get(told.verification_uri + path, max_redirects=0)
        headers = answer.headers
        if answer.status == 303:  # to sign in, which no page can frame either
            headers = page.request.get(told.verification_uri + path).headers
        if answer.status != 405:
            assert headers["x-frame-options"] == "DENY"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]

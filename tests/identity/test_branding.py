"""Logo and colour: readable whatever the colour is, and nothing that could act in the issuer's origin."""

import re
import struct
import zlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tokenward.identity.colours import (
    BLACK,
    DARK_CARD,
    LIGHT_CARD,
    READABLE,
    WHITE,
    Colour,
    accents,
    colour,
    contrast,
    readable,
)
from tokenward.identity.pages import Pages
from tokenward.identity.static_files import LOGO_BYTES, STYLE, Branding, branding, logo

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7"/></svg>'
DARK_TEXT = colour("#0d1a24")
colours = st.builds(Colour, *[st.integers(0, 255)] * 3)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\0"))
    + chunk(b"IEND", b"")
)


def test_contrast_is_that_of_the_guidelines():
    assert contrast(BLACK, WHITE) == pytest.approx(21)
    assert contrast(colour("#777777"), WHITE) == pytest.approx(4.48, abs=0.005)  # WebAIM's checker says 4.47
    assert contrast(colour("#767676"), WHITE) == pytest.approx(4.54, abs=0.005)
    assert contrast(colour("#1b5e8c"), colour("#1B5E8C")) == 1


@given(colours)
def test_any_colour_has_a_neighbour_that_can_be_read(wanted):
    darker = readable(wanted, on=LIGHT_CARD, towards=BLACK)
    assert contrast(darker, LIGHT_CARD) >= READABLE
    assert (darker == wanted) == (contrast(wanted, LIGHT_CARD) >= READABLE)


@given(colours)
def test_what_can_be_read_in_light_becomes_what_can_be_read_in_dark(wanted):
    assume(contrast(wanted, LIGHT_CARD) >= READABLE)
    light, strong, dark, dark_strong = map(colour, re.findall(r"#[0-9a-f]{6}", accents(wanted)))
    assert light == wanted
    for accent in (light, strong):
        assert contrast(accent, WHITE) >= READABLE  # `--on-accent` in light
    for accent in (dark, dark_strong):
        assert contrast(accent, DARK_CARD) >= READABLE
        assert contrast(accent, DARK_TEXT) >= READABLE


def test_the_style_sheet_has_the_grounds_that_are_reckoned_with():
    light, dark = STYLE.content.decode().split("@media (prefers-color-scheme: dark)")
    assert f"--card: {LIGHT_CARD};" in light
    assert f"--on-accent: {WHITE};" in light
    assert f"--card: {DARK_CARD};" in dark
    assert f"--on-accent: {DARK_TEXT};" in dark


@pytest.mark.parametrize(
    "text", ["", "red", "#fff", "#1b5e8g", "1b5e8c", "#1b5e8c ", "#1b5e8c\n", "#1b5e8c;}"]
)
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ValueError, match="#rrggbb"):
        colour(text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<html><script>alert(1)</script></html>",
        b"<svg></svg>",  # of no namespace: browsers show nothing
        SVG + b"<p/>",
        SVG[:-6],
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]>' + SVG,
        b'<html xmlns="http://www.w3.org/1999/xhtml">' + SVG + b"</html>",
        PNG + bytes(LOGO_BYTES),
        SVG + b" " * LOGO_BYTES,
    ],
)
def test_what_is_no_logo_is_refused(content):
    with pytest.raises(ValueError, match=r"neither a PNG nor an SVG|more than"):
        logo(content)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (SVG, "image/svg+xml"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n' + SVG, "image/svg+xml"),
    ],
)
def test_a_logo_is_served_from_our_origin_and_can_do_nothing(visit, content, media_type):
    async def story(house):
        browser = house.browser()
        address = re.search(
            r'<img src="(/static/logo\?v=[0-9a-f]{12})" alt="">', (await browser.get("/")).text
        )[1]
        answer = await browser.get(address)
        assert (answer.content, answer.headers["content-type"]) == (content, media_type)
        policy = answer.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "sandbox"} <= set(policy)
        assert answer.headers["x-content-type-options"] == "nosniff"

    visit(story, branding=branding(logo=logo(content)))


def test_without_branding_there_is_the_usual_picture_and_no_logo(visit):
    async def story(house):
        browser = house.browser()
        page = (await browser.get("/")).text
        assert "<svg" in page
        assert "<img" not in page
        assert (await browser.get("/static/logo")).status_code == 404

    visit(story)


def test_the_colour_is_in_the_style_sheet_and_in_no_page(visit):
    async def story(house):
        browser = house.browser()
        page = (await browser.get("/")).text
        assert "7a1f5c" not in page
        assert "style=" not in page
        sheet = (await browser.get(re.search(r'href="(/static/tokenward.css[^"]+)"', page)[1])).text
        assert sheet.startswith(STYLE.content.decode())
        assert "--accent: #7a1f5c;" in sheet[len(STYLE.content) :]

    visit(story, branding=branding(accent=colour("#7a1f5c")))


def test_a_page_of_another_look_has_other_addresses():
    plain, mine = Pages("A"), Pages("A", branding(accent=colour("#7a1f5c")))
    sheets = [re.search(rb'href="(/static/[^"]+)"', it.landing())[1] for it in (plain, mine)]
    assert sheets[0] != sheets[1]
    assert Pages("A", Branding()).landing() == plain.landing()

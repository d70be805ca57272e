"""The page of a report in a real browser: its policy lets the style through, and it works without script."""

import pytest

from app.report_samples import AT, HOSTILE, ORDINARY
from tokenward.app.reports import html
from tokenward.app.reports.leaks import leak_report


@pytest.fixture(params=[ORDINARY, HOSTILE], ids=["ordinary", "hostile"])
def sample(request):
    return request.param


def opened(browser, tmp_path, of, **settings):
    path = tmp_path / "report.html"
    path.write_text(html.text(leak_report(of, at=AT, lasting_key=True)), encoding="utf-8")
    page = browser.new_context(java_script_enabled=False, **settings).new_page()
    page.complaints, page.requests = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri())
    return page


def test_the_page_is_styled_complains_of_nothing_and_asks_for_nothing(browser, tmp_path, sample):
    page = opened(browser, tmp_path, sample, viewport={"width": 400, "height": 800})
    assert page.complaints == []
    assert page.requests == [(tmp_path / "report.html").as_uri()]
    assert page.locator("article").first.bounding_box()["x"] > 10
    # Nothing sticks out, however long a name is.
    assert page.evaluate("document.documentElement.scrollWidth") == 400


def test_severities_can_be_hidden(browser, tmp_path):
    page = opened(browser, tmp_path, ORDINARY)
    page.locator("label.critical").click()
    assert not page.locator("main > article.critical").is_visible()
    assert page.locator("main > article.high").first.is_visible()
    page.locator("label.critical").click()
    assert page.locator("main > article.critical").is_visible()


def test_on_paper_everything_is_unfolded(browser, tmp_path):
    page = opened(browser, tmp_path, ORDINARY)
    hidden = page.get_by_text("made up for the tests")
    folded = page.locator("body").bounding_box()["height"]
    assert hidden.count() == 1
    page.emulate_media(media="print")
    assert page.locator("body").bounding_box()["height"] > folded


def test_it_is_dark_where_people_want_that(browser, tmp_path):
    def background(scheme):
        page = opened(browser, tmp_path, ORDINARY, color_scheme=scheme)
        return page.screenshot(clip={"x": 0, "y": 0, "width": 4, "height": 4})

    assert background("dark") != background("light")

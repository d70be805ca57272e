"""What holds of the embedded proxy holds with Envoy in front of it: the same tests, the other door."""

import inspect
import itertools

import pytest

from engines.behind_envoy import through
from gateway import (
    test_browser_sessions,
    test_contract,
    test_cors,
    test_dpop,
    test_forward,
    test_proxy,
    test_trace,
)

CHOSEN = (
    test_browser_sessions.test_the_name_of_a_session_stays_between_browser_and_gateway,
    test_contract.test_a_body_where_none_is_documented_reaches_nobody_however_it_is_framed,
    test_contract.test_a_hostile_body_is_told_by_documented_names_and_reaches_nobody,
    test_contract.test_what_was_read_for_the_decision_reaches_the_backend_byte_by_byte,
    test_cors.test_a_preflight_never_reaches_the_api_and_has_no_body,
    test_cors.test_the_page_may_read_that_the_api_is_down,
    test_forward.test_a_body_above_the_limit_is_a_413_and_the_upstream_never_has_it_whole,
    test_forward.test_a_client_that_goes_away_ends_the_upstream_exchange,
    test_forward.test_a_client_that_goes_away_within_its_body_never_completes_it,
    test_forward.test_a_client_that_reads_nothing_holds_the_upstream_back,
    test_forward.test_a_download_streams_chunk_by_chunk,
    test_forward.test_a_keep_alive_connection_carries_several_requests,
    test_forward.test_an_answer_cut_short_is_no_clean_end,
    test_forward.test_an_upload_streams_chunk_by_chunk,
    test_forward.test_an_upstream_that_says_nothing_is_a_504,
    test_forward.test_expect_is_answered_here,
    test_forward.test_what_an_upstream_says_unasked_answers_nobody,
    test_proxy.test_our_cookies_are_cut_out_and_others_stay,
    test_proxy.test_the_backend_gets_a_fresh_jwt_and_never_the_token,
    test_proxy.test_what_is_reserved_is_never_forwarded,
    *(
        function
        for module in (test_dpop, test_trace)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("test_") and "through(" in inspect.getsource(function)
    ),
)


def _each():
    for function in CHOSEN:
        marks = [it for it in getattr(function, "pytestmark", ()) if it.name == "parametrize"]
        tables = []
        for mark in marks:
            said, rows = mark.args[:2]
            names = [it.strip() for it in said.split(",")] if isinstance(said, str) else said
            tables.append([dict(zip(names, row if len(names) > 1 else (row,), strict=True)) for row in rows])
        for number, rows in enumerate(itertools.product(*tables)):
            given = {key: value for row in rows for key, value in row.items()}
            yield pytest.param(function, given, id=f"{function.__name__.removeprefix('test_')}-{number}")


@pytest.mark.parametrize(("function", "given"), list(_each()))
def test_as_through_the_embedded_proxy(function, given, monkeypatch):
    monkeypatch.setitem(function.__globals__, "through", through)
    function(**given)

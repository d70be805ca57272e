"""What holds of the embedded proxy holds of nginx in front of it: the same tests, through the other door."""

import inspect
import itertools

import pytest

from engines.behind_nginx import through
from gateway import (
    test_answer_headers,
    test_api_keys,
    test_browser_sessions,
    test_contract,
    test_cors,
    test_dpop,
    test_forward,
    test_limits,
    test_proxy,
    test_report_only,
    test_resource_metadata,
    test_trace,
    test_trust_attacks,
    test_upstreams,
)

MODULES = (
    test_answer_headers,
    test_api_keys,
    test_browser_sessions,
    test_contract,
    test_cors,
    test_dpop,
    test_forward,
    test_limits,
    test_proxy,
    test_report_only,
    test_resource_metadata,
    test_trace,
    test_trust_attacks,
    test_upstreams,
)

# What is otherwise here, and why. Each has a test of its own in test_nginx.py, or needs none.
OTHERWISE = {
    "answer_headers-a_body_that_is_not_announced_is_cut_at_the_same_size": "changes the policy under way",
    "answer_headers-an_operation_has_bounds_of_its_own": "changes the policy under way",
    "answer_headers-an_operation_waits_as_long_as_it_says": "changes the policy under way",
    "forward-a_body_above_the_limit_is_a_413_and_the_upstream_never_has_it_whole": "nginx has had all of it",
    "upstreams-a_health_check_ends_with_the_policy_that_asked_for_it": "is about the embedded proxy's checks",
    "forward-an_api_whose_connections_are_all_held_does_not_hold_up_another": "nginx counts no connections",
    "forward-an_upstream_that_is_not_there_is_a_502": "changes the policy under way",
    "forward-the_environment_names_no_proxy_for_upstreams": "is about the client of the embedded proxy",
    "contract-other_media_types_stream_through_unread": "nginx reads what a decision may be shown",
    "contract-who_goes_away_in_the_middle_of_a_body_reaches_nobody": "nobody is asked before it is here",
    "contract-who_stops_in_the_middle_of_a_body_is_told_so_and_holds_no_upstream": "nginx closes",
    "forward-a_client_that_does_not_send_its_body_is_let_go": "nginx closes",
    "forward-an_answer_loses_what_belongs_to_its_connection_and_nothing_else": "nginx says keep-alive",
    "report_only-through_the_door_answers_are_the_apis_own_and_browsers_ask_it": "nginx says keep-alive",
    "forward-an_upstream_that_answers_nonsense_is_a_502-2": "nginx takes it for HTTP/0.9: it is cut off",
    "forward-an_upstream_that_answers_nonsense_is_a_502-5": "nginx takes the last of two lengths",
    "forward-an_upstream_that_never_comes_to_its_answer_is_a_502": "nginx takes a 103 for the answer: a 502",
    "forward-answers_without_a_body_and_redirects_pass_as_they_are-4": "nginx takes a 103 for the answer",
    "proxy-a_fragment_never_hides_a_path": "refused, as by the listener before the embedded proxy",
    "proxy-other_forms_of_the_target_are_decided_on_as_they_are_forwarded-1": "likewise",
    "proxy-other_forms_of_the_target_are_decided_on_as_they_are_forwarded-2": "likewise",
    "proxy-every_case_through_the_door": "test_nginx.py",
    "trust_attacks-attack_12_several_credentials_are_none-0": "nginx refuses a second Authorization itself",
    "trust_attacks-attack_12_several_credentials_are_none-2": "nginx refuses a second Authorization itself",
}


def rows(function):
    """The arguments of each case that the function is parametrised by."""
    tables = []
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "parametrize":
            names = (
                [name.strip() for name in mark.args[0].split(",")]
                if isinstance(mark.args[0], str)
                else mark.args[0]
            )
            tables.append(
                [dict(zip(names, row if len(names) > 1 else (row,), strict=True)) for row in mark.args[1]]
            )
    for chosen in itertools.product(*tables):
        yield {name: value for row in chosen for name, value in row.items()}


def everything():
    for module in MODULES:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and "through(" in inspect.getsource(function):
                for number, arguments in enumerate(rows(function)):
                    family = f"{module.__name__.rpartition('.')[2][5:]}-{name[5:]}"
                    if family not in OTHERWISE and f"{family}-{number}" not in OTHERWISE:
                        yield pytest.param(module, function, arguments, id=f"{family}-{number}")


@pytest.mark.parametrize(("module", "function", "arguments"), list(everything()))
def test_as_through_the_embedded_proxy(module, function, arguments, monkeypatch):
    monkeypatch.setattr(module, "through", through)
    function(**arguments)

import pytest

from gateway.world import apis, operation
from tokenward.gateway.policy import Api, Match, NoMatch, Policy, conflicts
from tokenward.gateway.upstreams import Pool


def api(*labels, name="a", mount="/a", upstream="http://127.0.0.1:9", audience="x"):
    return Api(name, mount, Pool((upstream,)), audience, tuple(operation(label, "low") for label in labels))


def match(policy, method, path):
    found = policy.match(method, path)
    return found.operation.template if isinstance(found, Match) else found


POLICY = Policy(
    [api("GET /", "GET /x/y", "GET /x/{p}", "PUT /x/{p}", "GET /{p}/y/z", "GET /{p}/{q}/w", "GET /t/")]
)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/a/", "/"),
        ("/a/x/y", "/x/y"),
        ("/a/x/1", "/x/{p}"),
        ("/a/x/y/z", "/{p}/y/z"),
        ("/a/x/y/w", "/{p}/{q}/w"),
        ("/a/1/2/w", "/{p}/{q}/w"),
        ("/a/t/", "/t/"),
    ],
)
def test_a_literal_goes_before_a_parameter_wherever_it_leads_on(path, template):
    assert match(POLICY, "GET", path) == template


@pytest.mark.parametrize(
    "path", ["/a", "/", "/b/x/y", "/a/x", "/a/x/", "/a/x/y/", "/a/t", "/a/x/y/z/w", "/a/X/y/v", "/a/{p}"]
)
def test_what_is_not_documented_does_not_match(path):
    assert match(POLICY, "GET", path) == NoMatch()


def test_the_path_decides_before_the_method():
    assert match(POLICY, "PUT", "/a/x/1") == "/x/{p}"
    assert match(POLICY, "PUT", "/a/x/y") == NoMatch(("GET",))
    assert match(POLICY, "get", "/a/x/1") == NoMatch(("GET", "PUT"))


def test_the_path_below_the_mount_goes_upstream():
    assert POLICY.match("GET", "/a/x/y").below == "/x/y"
    assert Policy([api("GET /x", mount="")]).match("GET", "/x").below == "/x"


def test_the_cost_does_not_grow_with_the_number_of_operations():
    many = Policy([api(*(f"GET /r{number}/{{p}}/s" for number in range(5000)))])
    steps = 0

    class Counting(dict):
        def get(self, *args):
            nonlocal steps
            steps += 1
            return super().get(*args)

    node = many._root
    while node.literals:
        node.literals = Counting(node.literals)
        node = next(iter(node.literals.values()))
    assert match(many, "GET", "/a/r4999/1/s") == "/r4999/{p}/s"
    assert steps <= 4


def test_the_reserved_prefix_belongs_to_no_api():
    policy = Policy([api("GET /{a}/{b}/{c}", mount="")])
    assert policy.match("GET", "/.well-known/tokenward/jwks.json") == NoMatch()
    assert isinstance(policy.match("GET", "/.well-known/other/x"), Match)


@pytest.mark.parametrize(
    "bad",
    [
        [api("GET /a/{x}", "GET /a/{y}")],
        [api("GET /a/{x}", "PUT /a/{y}")],
        [api("GET /x"), api("GET /x", mount="/b")],
        [api("GET /x"), api("GET /x", name="b")],
        [api("GET /x"), api("GET /x", name="b", mount="/a/b")],
        [api("GET /x", mount=""), api("GET /x", name="b")],
        [api("GET /x", mount="/a/")],
        [api("GET /x", mount="a")],
        [api("GET /x", mount="/a/../b")],
        [api("GET /x", mount="/%61")],
        [api("GET /x", name='a"b')],
        [api("GET /x", name="")],
        [api("GET /x", upstream="ftp://x")],
        [api("GET /x", upstream="http://x/")],
        [api("GET /x", upstream="http://user:pass@x")],
        [api("GET /x", upstream="http://x?y")],
        [api("GET /x", audience="")],
        [api("GET /x", mount="/.well-known/tokenward")],
    ],
)
def test_a_policy_with_conflicts_does_not_start(bad):
    problems = conflicts(bad)
    assert problems
    assert all(problem.text and problem.remedy and problem.location for problem in problems)
    with pytest.raises(ValueError, match=r"\w"):
        Policy(bad)


def test_neighbouring_mounts_are_no_conflict():
    assert conflicts([api("GET /x"), api("GET /x", name="b", mount="/ab")]) == []
    assert conflicts(apis()) == []

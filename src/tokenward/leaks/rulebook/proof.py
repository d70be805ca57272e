"""A rule that fails its own examples does not load."""

from collections.abc import Iterable

from tokenward.leaks.rule import Rule, RuleError
from tokenward.leaks.rulebook.matching import matches
from tokenward.leaks.rulebook.templates import TemplateError, sample
from tokenward.leaks.text import Text


def prove(rules: Iterable[Rule], seed: str = "") -> None:
    """Holds every rule against its examples (one secret in each) and counterexamples (none).

    Args:
        rules: with their examples.
        seed: another one fills the templates with other random text.

    Raises:
        RuleError: what a rule says of itself is not so.
    """
    for rule in rules:
        try:
            _prove(rule, seed)
        except TemplateError as error:
            raise RuleError(f"{rule.id}: {error}") from error


def _prove(rule: Rule, seed: str) -> None:
    for number, template in enumerate(rule.examples):
        text = sample(template, example_seed(rule, number, seed))
        secrets = {
            (found.start, found.end): found.secret for found in matches(rule, Text(text.data, text.path))
        }
        if len(set(secrets.values())) != 1:
            raise RuleError(f"{rule.id}: example {number + 1} has {len(secrets)} secrets, not one")
        if text.secret is not None and text.secret not in secrets:
            raise RuleError(f"{rule.id}: in example {number + 1} not what it marks is found")
    for number, template in enumerate(rule.counterexamples):
        text = sample(template, counterexample_seed(rule, number, seed))
        if any(matches(rule, Text(text.data, text.path))):
            raise RuleError(f"{rule.id}: counterexample {number + 1} has a secret")


def example_seed(rule: Rule, number: int, seed: str = "") -> str:
    """With what the example of that number, from 0, is filled."""
    return f"{rule.id}/example/{number}/{seed}"


def counterexample_seed(rule: Rule, number: int, seed: str = "") -> str:
    """With what the counterexample of that number, from 0, is filled."""
    return f"{rule.id}/counterexample/{number}/{seed}"

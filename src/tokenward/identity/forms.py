"""The forms of one browser: each has a sealed field, bound to its session, or else to a cookie."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tokenward.base.asgi import Headers, Scope
from tokenward.base.cookies import Cookie
from tokenward.base.entropy import identifier
from tokenward.base.problems import Refusal
from tokenward.identity.csrf import FormGuard
from tokenward.identity.people import Person

FIELD = "form"
"""The hidden field's name, in every form."""

_BINDING = re.compile(r"[0-9A-Za-z]{22}")


@dataclass(frozen=True, slots=True)
class BoundPage:
    """A page for one browser: fields of its forms, and the headers that bind the browser to them."""

    _guard: FormGuard
    _binding: str
    headers: Headers

    def field(self, form: str) -> str:
        """The hidden field's value for the form of that name."""
        return self._guard.field(form, self._binding)


class BoundForms:
    """Makes and checks the hidden fields of our forms.

    Args:
        guard: what seals them.
        before: the cookie that binds the forms of a browser that has no session.
    """

    def __init__(self, guard: FormGuard, before: Cookie) -> None:
        self._guard = guard
        self._before = before

    def bound(self, scope: Scope) -> BoundPage:
        """For a page that is seen before there is a session."""
        # A browser keeps its binding while it has one, so that two open tabs both work.
        known = self._binding(scope)
        binding = known or identifier()
        return BoundPage(self._guard, binding, () if known else [self._before.set(binding)])

    def check(self, scope: Scope, form: str, fields: Mapping[str, str]) -> None:
        """Let a form pass that `bound` made for this browser.

        Raises:
            Refusal: EXPIRED_FORM.
        """
        self._guard.check(scope, form, self._binding(scope), fields.get(FIELD, ""))

    def is_ours(self, scope: Scope, form: str, fields: Mapping[str, str]) -> bool:
        """Whether `check` lets it pass, for who knows forms of several names."""
        try:
            self.check(scope, form, fields)
        except Refusal:
            return False
        return True

    def of_session(self, form: str, person: Person) -> str:
        """The hidden field for a form on a page that only this session sees."""
        return self._guard.field(form, person.session_id)

    def check_of_session(self, form: str, person: Person, scope: Scope, fields: Mapping[str, str]) -> None:
        """Let a form pass that `of_session` made for this session.

        Raises:
            Refusal: EXPIRED_FORM.
        """
        self._guard.check(scope, form, person.session_id, fields.get(FIELD, ""))

    def check_origin(self, scope: Scope) -> None:
        """Refuse what the browser says came from another site.

        Raises:
            Refusal: EXPIRED_FORM.
        """
        self._guard.check_origin(scope)

    def _binding(self, scope: Scope) -> str | None:
        value = self._before.read(scope)
        return value if value and _BINDING.fullmatch(value) else None

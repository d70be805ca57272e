"""Grants and tokens as rows of their tables, and back."""

from tokenward.store.records import AccessToken, AuthorizationCode, Grant, RefreshToken
from tokenward.store.sql.schema import join_words, split_words
from tokenward.store.sql.statements import Parameters, Row
from tokenward.tokens.binding import Confirmation


def grant_row(grant: Grant) -> Parameters:
    """The row of a grant."""
    return {
        "grant_id": grant.grant_id,
        "client_id": grant.client_id,
        "user_id": grant.user_id,
        "scope": join_words(grant.scope),
        "audience": grant.audience,
        "amr": join_words(grant.amr),
        "auth_time": grant.auth_time,
        "created_at": grant.created_at,
        "expires_at": grant.expires_at,
        "authorization_details": grant.authorization_details,
        "sid": grant.sid,
        "claims": grant.claims,
    }


def read_grant(row: Row) -> Grant:
    """The grant of a row."""
    grant_id, client_id, user_id, scope, audience, amr, *rest = row
    return Grant(grant_id, client_id, user_id, split_words(scope), audience, split_words(amr), *rest)


def read_confirmation(text: str | None) -> Confirmation | None:
    """The confirmation of a column; None where there is none."""
    return None if text is None else Confirmation.parse(text)


def with_confirmation(row: Row) -> Row:
    """A row that ends with a confirmation, read."""
    return (*row[:-1], read_confirmation(row[-1]))


def confirmation_text(cnf: Confirmation | None) -> str | None:
    """The column of a confirmation."""
    return None if cnf is None else str(cnf)


def code_row(code: AuthorizationCode) -> Parameters:
    """The row of a code."""
    row = {name: getattr(code, name) for name in AuthorizationCode.__dataclass_fields__}
    return {**row, "cnf": confirmation_text(code.cnf)}


def read_access(row: Row) -> AccessToken:
    """The access token of a row."""
    *names, scope, audience, credential, issued_at, expires_at, cnf, act, ancestors, client, details = row
    words, key, above = split_words(scope), read_confirmation(cnf), split_words(ancestors or "")
    times = (issued_at, expires_at)
    fields = (*names, words, audience, credential, *times, key, act, above, client, details)
    return AccessToken(*fields)


def access_row(token: AccessToken) -> Parameters:
    """The row of an access token."""
    return {
        "token_id": token.token_id,
        "keyed_hash": token.keyed_hash,
        "grant_id": token.grant_id,
        "client_id": token.client_id,
        "user_id": token.user_id,
        "scope": join_words(token.scope),
        "audience": token.audience,
        "credential": token.credential,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "cnf": confirmation_text(token.cnf),
        "act": token.act,
        "ancestors": join_words(token.ancestors) or None,
        "subject_client": token.subject_client,
        "authorization_details": token.authorization_details,
    }


def refresh_row(token: RefreshToken, *, predecessor: str | None) -> Parameters:
    """The row of a refresh token, which follows `predecessor`."""
    return {
        "token_id": token.token_id,
        "keyed_hash": token.keyed_hash,
        "grant_id": token.grant_id,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "cnf": confirmation_text(token.cnf),
        "predecessor_id": predecessor,
    }

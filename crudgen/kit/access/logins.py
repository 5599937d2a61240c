"""Logs users in and out, and changes their passwords."""

import time
from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from ..database import Change, Database
from ..database.transaction import Row
from .credentials import CREDENTIALS, hash_secret, new_secret, split_token, token_of
from .delays import LoginDelays
from .errors import Forbidden, Unauthorized
from .passwords import PasswordThreads
from .tokens import Tokens
from .user_table import LOGINS

WRONG = "Wrong user name or password"
"""Also the message for unknown and disabled users."""
MAX_TOKENS = 100
"""Maximum number of tokens of a user. A further login revokes the oldest."""
MAX_EXPIRED_DELETED = 100
"""Maximum number of expired tokens that a login deletes."""
_c, _u = CREDENTIALS.c, LOGINS.c
_few = literal_column(str(MAX_EXPIRED_DELETED), BigInteger)
_expired = select(_c.id).where(_c.expires <= bindparam("now__")).order_by(_c.expires)
_FORGET_EXPIRED = (
    delete(CREDENTIALS)
    .where(
        _c.id.in_(
            _expired.limit(_few).offset(literal_column("0")).with_for_update(skip_locked=True)
        )
    )
    .returning(_c.id)
)
_of_user = select(_c.id).where(_c.login_id == bindparam("user__")).order_by(_c.id.desc())
_FORGET_OLDEST = (
    delete(CREDENTIALS)
    .where(
        _c.login_id == bindparam("user__"),
        _c.id
        <= _of_user.limit(literal_column("1"))
        .offset(literal_column(str(MAX_TOKENS - 1)))
        .scalar_subquery(),
    )
    .returning(_c.id)
)
_USER = select(_u.id, _u.password, _u.disabled).where(_u.name == bindparam("name__"))
_USER_OF_TOKEN = (
    select(_u.id, _u.name, _u.password)
    .select_from(CREDENTIALS.join(LOGINS, _c.login_id == _u.id))
    .where(_c.id == bindparam("id__"))
)
_SAME = (_u.id == bindparam("user__"), _u.password == bindparam("known__"), _u.disabled.is_(None))
"""The user is enabled, and has the password that was verified."""
_ISSUE = (
    insert(CREDENTIALS)
    .from_select(
        ["hash", "login_id", "created", "expires"],
        select(
            bindparam("hash__", type_=LargeBinary),
            _u.id,
            bindparam("now__", type_=BigInteger),
            bindparam("expires__", type_=BigInteger),
        ).where(*_SAME),
    )
    .returning(_c.id)
)
_SET_PASSWORD = update(LOGINS).where(*_SAME).returning(_u.id)
_REVOKE = delete(CREDENTIALS).where(_c.id == bindparam("id__")).returning(_c.id)
_REVOKE_OTHERS = (
    delete(CREDENTIALS)
    .where(_c.login_id == bindparam("user__"), _c.id != bindparam("id__"))
    .returning(_c.id)
)


class Logins:
    """Logs users in and out, and changes their passwords, for the routes."""

    def __init__(
        self, db: Database, tokens: Tokens, passwords: PasswordThreads, seconds: int
    ) -> None:
        """Issue tokens that expire after `seconds`."""
        self.seconds = seconds
        self._db, self._tokens, self._passwords = db, tokens, passwords
        self._delays = LoginDelays()

    async def log_in(self, name: str, password: str) -> str:
        """Return a new token of a user.

        Raises TooManyAttempts, and Unauthorized: for unknown users, with the same text after the
        same time.
        """
        self._delays.count_attempt(name)
        rows = await self._db.read(_USER, {"name__": name})
        user, stored, disabled = rows[0] if rows else (0, None, None)
        is_right = await self._passwords.is_password(password, stored)
        if not is_right or stored is None or disabled is not None:
            raise Unauthorized(WRONG)
        stored = await self._rehash_if_outdated(user, password, stored)
        now, secret = int(time.time()), new_secret()
        issued = {"user__": user, "known__": stored, "now__": now, "hash__": hash_secret(secret)}
        changes = [
            Change(_FORGET_EXPIRED, {"now__": now}),
            Change(_FORGET_OLDEST, {"user__": user}),
            Change(
                _ISSUE, issued | {"expires__": now + self.seconds}, check=_raise_if_user_changed
            ),
        ]
        ((number,),) = (await self._db.write_all(changes))[-1]
        self._delays.forget_attempts(name)
        return token_of(number, secret)

    async def log_out(self, token: str) -> None:
        """Revoke a token. Raises Forbidden if it is not that of a login."""
        number, _, _, _ = await self._user_of_token(token)
        await self._db.write(_REVOKE, {"id__": number})
        self._tokens.forget(lambda other: other == token)

    async def change_password(self, token: str, current: str, new: str) -> None:
        """Set the password of the user of a token, and revoke their other tokens.

        Raises TooManyAttempts; and Forbidden if the current password is wrong, or the token is not
        that of a login.
        """
        number, user, name, stored = await self._user_of_token(token)
        self._delays.count_attempt(name)
        if not await self._passwords.is_password(current, stored):
            raise Forbidden("The current password is wrong", ["body", "current"])
        password = await self._passwords.hash(new)
        values = {"user__": user, "known__": stored, "password": password}
        _, revoked = await self._db.write_all(
            [
                Change(_SET_PASSWORD, values, ("password",), check=_raise_if_user_changed),
                Change(_REVOKE_OTHERS, {"user__": user, "id__": number}),
            ]
        )
        self._delays.forget_attempts(name)
        numbers = {row[0] for row in revoked}
        self._tokens.forget(lambda other: (split_token(other) or (0,))[0] in numbers)

    async def _rehash_if_outdated(self, user: int, password: str, stored: str) -> str:
        """Hash a password again, and store it, if the stored hash has other parameters than now.

        Return the hash that is stored then.
        """
        if not self._passwords.passwords.is_outdated(stored):
            return stored
        new = await self._passwords.hash(password)
        values = {"user__": user, "known__": stored, "password": new}
        return new if await self._db.write(_SET_PASSWORD, values, ("password",)) else stored

    async def _user_of_token(self, token: str) -> tuple[int, int, str, str]:
        """Return the number of a token, and the id, name and hash of its user."""
        parts = split_token(token)
        rows = await self._db.read(_USER_OF_TOKEN, {"id__": parts[0]}, short=True) if parts else ()
        if parts is None or not rows:
            raise Forbidden("The token is not that of a user who has logged in")
        return parts[0], *rows[0]


def _raise_if_user_changed(rows: Sequence[Row]) -> None:
    """Raise Unauthorized if the user was disabled, or their password changed, in the meantime."""
    if not rows:
        raise Unauthorized(WRONG)

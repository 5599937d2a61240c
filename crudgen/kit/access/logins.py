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
from .credentials import CREDENTIALS, hashed, new_secret, parts_of, token_of
from .delays import Delays
from .errors import Forbidden, Unauthorized
from .passwords import PasswordThreads
from .tokens import Tokens
from .user_table import LOGINS

WRONG = "Wrong user name or password"
"""The same for unknown and disabled users."""
MAX_TOKENS = 100
"""Most tokens of a user. A further login withdraws the oldest."""
MAX_EXPIRED_DELETED = 100
"""Most expired tokens that a login deletes."""
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
_WITHDRAW = delete(CREDENTIALS).where(_c.id == bindparam("id__")).returning(_c.id)
_WITHDRAW_OTHERS = (
    delete(CREDENTIALS)
    .where(_c.login_id == bindparam("user__"), _c.id != bindparam("id__"))
    .returning(_c.id)
)


class Logins:
    """The users of an application, as requests see them."""

    def __init__(
        self, db: Database, tokens: Tokens, passwords: PasswordThreads, seconds: int
    ) -> None:
        """Issue tokens that expire after `seconds`."""
        self.seconds = seconds
        self._db, self._tokens, self._passwords = db, tokens, passwords
        self._delays = Delays()

    async def log_in(self, name: str, password: str) -> str:
        """Return a new token of a user.

        Raises Unauthorized, with the same text after the same time for unknown users; and
        TooManyAttempts.
        """
        self._delays.begin(name)
        rows = await self._db.read(_USER, {"name__": name})
        user, stored, disabled = rows[0] if rows else (0, None, None)
        is_right = await self._passwords.is_password(password, stored)
        if not is_right or stored is None or disabled is not None:
            raise Unauthorized(WRONG)
        stored = await self._renewed(user, password, stored)
        now, secret = int(time.time()), new_secret()
        issued = {"user__": user, "known__": stored, "now__": now, "hash__": hashed(secret)}
        changes = [
            Change(_FORGET_EXPIRED, {"now__": now}),
            Change(_FORGET_OLDEST, {"user__": user}),
            Change(_ISSUE, issued | {"expires__": now + self.seconds}, check=_check_user),
        ]
        ((number,),) = (await self._db.write_all(changes))[-1]
        self._delays.succeed(name)
        return token_of(number, secret)

    async def log_out(self, token: str) -> None:
        """Withdraw a token. Raises Forbidden if it is not of a login."""
        number, _, _, _ = await self._user_of(token)
        await self._db.write(_WITHDRAW, {"id__": number})
        self._tokens.forget(lambda other: other == token)

    async def change_password(self, token: str, current: str, new: str) -> None:
        """Set the password of the user of a token, and withdraw their other tokens.

        Raises Forbidden if the current password is wrong, or the token is not of a login; and
        TooManyAttempts.
        """
        number, user, name, stored = await self._user_of(token)
        self._delays.begin(name)
        if not await self._passwords.is_password(current, stored):
            raise Forbidden("The current password is wrong", ["body", "current"])
        password = await self._passwords.hash(new)
        values = {"user__": user, "known__": stored, "password": password}
        _, withdrawn = await self._db.write_all(
            [
                Change(_SET_PASSWORD, values, ("password",), check=_check_user),
                Change(_WITHDRAW_OTHERS, {"user__": user, "id__": number}),
            ]
        )
        self._delays.succeed(name)
        numbers = {row[0] for row in withdrawn}
        self._tokens.forget(lambda other: (parts_of(other) or (0,))[0] in numbers)

    async def _renewed(self, user: int, password: str, stored: str) -> str:
        """Return the hash of a password with the current parameters; store it if it is new."""
        if not self._passwords.passwords.is_outdated(stored):
            return stored
        new = await self._passwords.hash(password)
        values = {"user__": user, "known__": stored, "password": new}
        return new if await self._db.write(_SET_PASSWORD, values, ("password",)) else stored

    async def _user_of(self, token: str) -> tuple[int, int, str, str]:
        """Return the number of a token, and the id, name and hash of its user."""
        parts = parts_of(token)
        rows = await self._db.read(_USER_OF_TOKEN, {"id__": parts[0]}, short=True) if parts else ()
        if parts is None or not rows:
            raise Forbidden("The token is not that of a user who has logged in")
        return parts[0], *rows[0]


def _check_user(rows: Sequence[Row]) -> None:
    """Raise Unauthorized if the user was disabled, or their password changed, in the meantime."""
    if not rows:
        raise Unauthorized(WRONG)

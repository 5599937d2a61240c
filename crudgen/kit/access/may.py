"""The dependency that finds the caller of a request, and checks their permissions."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.openapi.models import (
    HTTPBearer,
    OAuth2,
    OAuthFlowPassword,
    OAuthFlows,
)
from fastapi.openapi.models import SecurityBase as Scheme
from fastapi.security.base import SecurityBase

from ..errors import StartupError
from ..http.exchange import note_caller
from ..http.openapi import LOGIN, LOGIN_DOC, TOKEN
from ..http.precedence import Guard
from .caller import BaseCaller
from .errors import Unauthorized
from .rules import ANYONE, USER, Permission, Rule, check_any
from .tokens import Tokens

AUTHORIZATION = "authorization"
_HEADER = AUTHORIZATION.encode()
_KNOWN = "app.callers"
"""Key in the scope of a request: the callers that its guards returned."""


class PermittedCaller(Guard, SecurityBase):
    """Returns the caller of a request, who must have all these permissions.

    With `any_of`, one of them is enough. Without credentials, the caller is None. The check runs
    before the query and the body of a request are read. Raises Unauthorized (401), Forbidden
    (403).
    """

    def __init__(
        self, caller: type[BaseCaller], *permissions: Permission, any_of: bool = False
    ) -> None:
        self._caller = caller
        self._groups: Sequence[Sequence[Permission]] = (
            [permissions] if any_of else [(one,) for one in permissions]
        )
        self.is_open = all(any(one.is_open for one in group) for group in self._groups)
        self.model, self.scheme_name = _security_scheme(caller.__login__)

    @property
    def dependency(self) -> Any:
        """The dependency for `Annotated`."""
        return Depends(self)

    async def __call__(self, request: Request) -> BaseCaller | None:
        """Return the caller of a request; a second call returns the same without verification."""
        known: dict[PermittedCaller, BaseCaller | None] = request.scope.setdefault(_KNOWN, {})
        if self not in known:
            known[self] = await self._verified_caller(request)
        self.note(request.scope, known[self])
        return known[self]

    def note(self, scope: Mapping[str, Any], value: BaseCaller | None) -> None:
        """Note the subject of the caller, for logs."""
        if value is not None:
            note_caller(scope, value.subject)

    async def _verified_caller(self, request: Request) -> BaseCaller | None:
        headers = request.headers.getlist(AUTHORIZATION)
        caller = None
        if headers:
            if len(headers) > 1:
                raise Unauthorized("The header Authorization should be given once")
            caller = await tokens_of(request.app).caller(headers[0].encode("latin-1"), self._caller)
        for group in self._groups:
            check_any(group, caller)
        return caller

    def known(self, app: FastAPI, headers: Mapping[bytes, bytes]) -> tuple[Any] | None:
        """Return the caller if they may make the request; None if a token must be verified first.

        None also if they may not make it.
        """
        header = headers.get(_HEADER)
        caller = None if header is None else tokens_of(app).cached_caller(header)
        if caller is None and header is not None:
            return None
        for group in self._groups:
            for one in group:
                if one.admits(caller):
                    break
            else:
                return None
        return (caller,)


def require(caller: type[BaseCaller], *rules: Rule) -> Any:
    """Return the dependency of a handler for the callers that one of the rules admits.

    It returns the caller, and raises Unauthorized (401), Forbidden (403) for others. The rules have
    no conditions: `ANYONE`, `USER`, `role("editor")`. Raises StartupError for other rules.
    """
    known = {ANYONE.who, USER.who, *caller.__roles__}
    for one in rules:
        if one.condition is not None:
            raise StartupError(
                f"The rule of a handler has a condition about rows: {one}\n  remove the condition"
            )
        if one.who not in known:
            roles = ", ".join(caller.__roles__) or "none"
            raise StartupError(f"Unknown role {one.who!r}\n  roles of 'auth' in the spec: {roles}")
    if not rules:
        raise StartupError("A handler needs a rule: ANYONE, USER or role(…)")
    return PermittedCaller(
        caller, Permission("use this", [(one, None) for one in rules])
    ).dependency


def _security_scheme(login: str | None) -> tuple[Scheme, str]:
    """Return the security scheme of OpenAPI for the callers, and its name."""
    if login is None:
        doc = "A token of the identity provider."
        return HTTPBearer(bearerFormat="JWT", description=doc), TOKEN
    flow = OAuthFlowPassword(tokenUrl=login, scopes={})
    return OAuth2(flows=OAuthFlows(password=flow), description=LOGIN_DOC), LOGIN


def tokens_of(app: FastAPI) -> Tokens:
    """Return the object that verifies the tokens of an application."""
    tokens: Tokens | None = getattr(app.state, "tokens", None)
    if tokens is None:
        raise StartupError("The application cannot verify tokens: call settings.install(app)")
    return tokens

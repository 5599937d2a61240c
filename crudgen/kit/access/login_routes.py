"""The routes of users: POST /login, POST /logout, GET /me, POST /me/password."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from ..errors import StartupError, errors, problem
from ..http.routing import Route
from ..models import add_number_format
from .caller import BaseCaller
from .errors import Unauthorized
from .logins import Logins
from .may import AUTHORIZATION, require
from .passwords import MAX_PASSWORD, MIN_PASSWORD, is_storable, password_problem
from .rules import USER
from .subjects import plain_type
from .tokens import token_in

LOGIN_PATH = "login"
"""The path of the login, relative to the server in the OpenAPI document."""
MAX_USER_NAME = 255
_FORM = "application/x-www-form-urlencoded"
_NEEDED = ("username", "password")
_IGNORED = {"grant_type", "scope", "client_id", "client_secret"}
"""Properties of OAuth2, which clients send too."""
_FORM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": [*_NEEDED],
    "properties": {
        "grant_type": {"type": "string", "const": "password"},
        "username": {"type": "string", "minLength": 1, "maxLength": MAX_USER_NAME},
        "password": {"type": "string", "minLength": 1, "maxLength": MAX_PASSWORD},
        **{
            name: {"type": "string", "description": "Ignored."}
            for name in sorted(_IGNORED - {"grant_type"})
        },
    },
}


class Token(BaseModel):
    """A token of a user, for the header Authorization."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    """Seconds until the token expires."""


class NewPassword(BaseModel):
    """The current and the new password of a user."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    current: Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD)]
    new: Annotated[str, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]


def logins_of(request: Request) -> Logins:
    """Return the logins of an application."""
    logins: Logins | None = getattr(request.app.state, "logins", None)
    if logins is None:
        raise StartupError("The application has no logins: call settings.install(app)")
    return logins


LoginsDep = Annotated[Logins, Depends(logins_of)]


def user_routes(caller: type[BaseCaller]) -> APIRouter:
    """Return the routes to log in and out, and of the caller; `caller` is their class."""
    router = APIRouter(tags=["users"], route_class=Route)
    user = require(caller, USER)
    shown = _shown_attributes(caller)

    @router.post(
        f"/{LOGIN_PATH}",
        operation_id="log_in",
        responses=errors(401, 413, 415, 422, 429, 503),
        openapi_extra={
            "requestBody": {"required": True, "content": {_FORM: {"schema": _FORM_SCHEMA}}}
        },
    )
    async def log_in(request: Request, logins: LoginsDep) -> Token:
        """Return a token for a user name and a password."""
        name, password = read_form(request.headers.get("content-type"), await request.body())
        token = await logins.log_in(name, password)
        return Token(access_token=token, expires_in=logins.seconds)

    @router.post(
        "/logout",
        operation_id="log_out",
        status_code=204,
        dependencies=[user],
        responses=errors(401, 403, 503),
    )
    async def log_out(request: Request, logins: LoginsDep) -> Response:
        """Revoke the token of this request."""
        await logins.log_out(_token_of_request(request))
        return Response(status_code=204)

    @router.get(
        "/me", operation_id="me", response_model=_response_model(caller), responses=errors(401, 503)
    )
    async def me(me: Annotated[Any, user]) -> Any:
        """Return the caller: attributes that rules use, and roles."""
        return {**me.model_dump(include={*shown}), "roles": sorted(me.roles)}

    @router.post(
        "/me/password",
        operation_id="change_password",
        status_code=204,
        dependencies=[user],
        responses=errors(401, 403, 413, 415, 422, 429, 503),
    )
    async def change_password(request: Request, sent: NewPassword, logins: LoginsDep) -> Response:
        """Change the password, and revoke all other tokens of the user."""
        if (reason := password_problem(sent.new)) is not None:
            raise HTTPException(422, [problem("password", ["body", "new"], reason)])
        await logins.change_password(_token_of_request(request), sent.current, sent.new)
        return Response(status_code=204)

    return router


def _shown_attributes(caller: type[BaseCaller]) -> Sequence[str]:
    """Return the attributes of a caller that responses contain, without the roles."""
    names = [name for name in caller.model_fields if name not in {"issuer", "roles"}]
    return [name for name in names if caller.__shown__ is None or name in caller.__shown__]


def _response_model(caller: type[BaseCaller]) -> type[BaseModel]:
    """Return the response model of a caller."""
    fields: dict[str, Any] = {
        name: (plain_type(field.annotation), ... if field.is_required() else None)
        for name, field in caller.model_fields.items()
        if name in _shown_attributes(caller)
    }
    described = ConfigDict(json_schema_extra=_add_number_formats)
    return create_model(
        "Me", __config__=described, __doc__="A caller.", roles=(list[str], ...), **fields
    )


def _add_number_formats(schema: dict[str, Any]) -> None:
    for described in schema["properties"].values():
        add_number_format(described)


def read_form(content_type: str | None, body: bytes) -> tuple[str, str]:
    """Return the user name and the password in the body, a form of OAuth2.

    Raises HTTPException 415 for other content, 422 for an invalid form.
    """
    if content_type is None or content_type.partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415, f"The body should be a form: send Content-Type: {_FORM}")
    found: dict[str, str] = {}
    for part in body.split(b"&") if body else ():
        key, _, value = (_decode_form_text(one) for one in part.partition(b"="))
        if key in found:
            raise _invalid_form_error("repeated", key, "The property should be given once")
        if key not in _NEEDED and key not in _IGNORED:
            raise _invalid_form_error("extra_forbidden", key, "Unknown property")
        found[key] = value
    for name, longest in (("username", MAX_USER_NAME), ("password", MAX_PASSWORD)):
        value = found.get(name, "")
        if not value:
            raise _invalid_form_error("missing", name, "The property is missing")
        if len(value) > longest:
            message = f"The property should have at most {longest} characters"
            raise _invalid_form_error("string_too_long", name, message)
        if not is_storable(value):
            raise _invalid_form_error("string_nul", name, "NUL is not allowed")
    if found.get("grant_type", "password") != "password":
        raise _invalid_form_error("grant_type", "grant_type", "The grant type should be password")
    return found["username"], found["password"]


def _decode_form_text(part: bytes) -> str:
    """Decode a key or a value of a form. Raises HTTPException 422 if it is not UTF-8."""
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        message = "The form should be UTF-8, percent-encoded"
        raise HTTPException(422, [problem("string_unicode", ["body"], message)]) from None


def _invalid_form_error(kind: str, name: str, message: str) -> HTTPException:
    return HTTPException(422, [problem(kind, ["body", name[:100]], message)])


def _token_of_request(request: Request) -> str:
    token = token_in(request.headers.get(AUTHORIZATION, ""))
    if not token:  # the caller is that of an override
        raise Unauthorized
    return token

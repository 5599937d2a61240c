"""Text that is an address: of e-mail, of a web page."""

from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AnyHttpUrl, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

_HTTP_URL = TypeAdapter(AnyHttpUrl)


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError:
        # The library's message quotes the input.
        raise PydanticCustomError("email", "Input should be an e-mail address") from None


def _url(value: str) -> str:
    try:
        _HTTP_URL.validate_python(value)
    except ValidationError:
        raise PydanticCustomError("url", "Input should be an http or https URL") from None
    return value


EmailText = Annotated[
    str, AfterValidator(_email), WithJsonSchema({"type": "string", "format": "email"})
]
"""An e-mail address, its domain in lower case."""

UrlText = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "format": "uri"})]
"""An http or https URL, kept as it was written."""

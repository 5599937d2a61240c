"""Regular expressions in a spec, and of URLs. Reason to change: the regex engine of pydantic."""

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

MAX_PATTERN = 500

SQLITE_URL = r"sqlite:///[^\n]*"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[^\]\[:@/?]*)(?::[0-9]*)?"
POSTGRESQL_URL = rf"postgres(?:ql)?://(?:[^@/]*@)?{_HOST}(?:,{_HOST})*(?:[/?][^@]*)?"
"""Matches a URL with user and password, hosts, database name and parameters."""
_REST = r"(?::[0-9]{1,5})?(?:[/?][!-\"$-~]*)?"
WEBHOOK_URL = (
    rf"https://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+){_REST}"
    rf"|http://(?:localhost|127(?:\.[0-9]{{1,3}}){{3}}|\[::1\]){_REST}"
)
"""Matches a URL that webhooks can be sent to: with TLS, except to this machine."""
WEBHOOK_NAME = "[a-z][a-z0-9]*(?:_[a-z0-9]+)*"


def anchored(pattern: str) -> str:
    """Return the pattern as an anchored regular expression, which must match the entire string."""
    return f"^(?:{pattern})$"


@lru_cache(maxsize=1024)
def pattern_problem(pattern: str) -> str | None:
    """Return why a pattern is invalid, or None."""
    if not pattern or len(pattern) > MAX_PATTERN:
        return f"a pattern must have 1 to {MAX_PATTERN} characters"
    try:
        _compiled(pattern)
        _compiled(anchored(pattern))
    except (SchemaError, UnicodeError) as error:
        return f"invalid pattern: {_short_reason(str(error))}"
    return None


def matches(pattern: str, text: str) -> bool:
    """Return whether an entire string matches a pattern, which must be valid."""
    try:
        _compiled(anchored(pattern)).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _short_reason(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    last = lines[-1].removeprefix("error: ").removeprefix("SchemaError: ")
    if "look-around" in last:
        return "look-ahead and look-behind are not supported"
    if "size limit" in last:
        return "the compiled pattern is too large"
    return last[:120]

"""Name and requirements of an emitted project. Reason to change: a library that the kit needs."""

import re
import unicodedata
from importlib.metadata import version

from crudgen.language.schema import KitForm, Schema

from .admin import logs_in_at_provider

KIT_REQUIREMENTS = (
    "asgi-correlation-id>=5.0",
    "fastapi>=0.165,<0.166",
    "pydantic>=2.14,<3",
    "pydantic-settings>=2.16",
    "sqlalchemy>=2.1,<2.2",
    "sqlmodel>=0.0.50,<0.1",
    "uvicorn[standard]>=0.54,<0.55",
)
"""Requirements of the kit."""
DOCS_PAGES = ("fastapi-standalone-docs>=0.3",)
"""The files of `/docs` and `/redoc`; a project without them loads the files from a CDN."""
POSTGRES = ("psycopg[binary,pool]>=3.3,<3.4",)
"""Requirements of the extra `postgres`."""
TEST = ("httpx>=0.28", "mypy>=2.4", "pytest>=9.2", "ruff>=0.17")
"""Requirements of the extra `test`."""
ALEMBIC = ("alembic>=1.20,<1.21",)
"""Requirements of migrations."""
AUTH = ("pyjwt[crypto]>=2.15,<3",)
"""Requirements of callers."""
PASSWORDS = ("argon2-cffi>=25.1,<26",)
"""Requirements of users with passwords."""
WEBHOOKS = ("httpx>=0.28",)
"""Requirements of webhooks."""
MCP = ("mcp>=2.3,<3",)
"""Requirements of tools for agents."""
METRICS = ("prometheus-client>=0.26,<1",)
"""Requirements of metrics."""
ADMIN = ("starlette-admin>=1.0.3,<1.1",)
"""Requirements of the admin page."""
OIDC = ("authlib>=1.9,<2", "httpx2>=2.16,<3")
"""Requirements of logins to the admin page at an identity provider."""
TRACING = ("opentelemetry-exporter-otlp-proto-http>=1.45,<2", "opentelemetry-sdk>=1.45,<2")
"""Requirements of traces."""

_FALLBACK = "app"
_MAX_LENGTH = 60


def requirements(schema: Schema) -> tuple[str, ...]:
    """Return the requirements of the project: those of a copied kit, or crudgen itself."""
    is_library = schema.kit is KitForm.LIBRARY
    own = (f"crudgen=={version('crudgen')}",) if is_library else KIT_REQUIREMENTS
    callers: tuple[str, ...] = () if schema.auth is None else AUTH
    if schema.auth is not None and schema.auth.users:
        callers += PASSWORDS
    webhooks = WEBHOOKS if schema.webhooks else ()
    agents = MCP if schema.mcp else ()
    metrics = METRICS if schema.metrics else ()
    admin: tuple[str, ...] = ADMIN if schema.admin else ()
    if logs_in_at_provider(schema):
        admin += OIDC
    more = (*webhooks, *agents, *metrics, *admin, *(TRACING if schema.tracing else ()))
    return (*own, *(ALEMBIC if schema.migrations else ()), *callers, *more)


def distribution_name(title: str) -> str:
    """Return the title as a normalized distribution name: `The shop!` as `the-shop`.

    Accents are removed. A title without letters of the alphabet a-z gives `app`. A title that is
    the name of a requirement gets the suffix `-app`, as a distribution cannot require itself.
    """
    letters = unicodedata.normalize("NFKD", title).casefold()
    ascii_only = letters.encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only)[:_MAX_LENGTH].strip("-")
    if not re.search("[a-z]", name):
        return _FALLBACK
    libraries = (
        *KIT_REQUIREMENTS,
        *DOCS_PAGES,
        *POSTGRES,
        *TEST,
        *ALEMBIC,
        *AUTH,
        *PASSWORDS,
        *WEBHOOKS,
        *MCP,
        *METRICS,
        *ADMIN,
        *OIDC,
        *TRACING,
        "crudgen",
    )
    required = {requirement_name(one) for one in libraries}
    return f"{name}-app" if name in required else name


def requirement_name(requirement: str) -> str:
    """Return the normalized distribution name of a requirement: `psycopg` for `Psycopg>=3.3`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@(]", requirement.strip())[0]).lower()

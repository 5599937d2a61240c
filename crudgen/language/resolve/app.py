"""Resolves crudgen.yaml. Reason to change: another setting of the application."""

import re

from crudgen.language import patterns
from crudgen.language.artifacts import Artifact
from crudgen.language.limits import Limits
from crudgen.language.names import NamingConventions
from crudgen.language.ranges import INTEGER_LIMITS, LIMITS
from crudgen.language.schema import Schema
from crudgen.language.written.app import AppSpec
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .auth import resolve_auth
from .webhooks import resolve_webhooks


def resolve_app(written: WrittenSpec[AppSpec], problems: Problems) -> Schema:
    """Return the schema of crudgen.yaml, without entities. Missing keys get their defaults."""
    spec = written.spec
    for key in ("title", "version", "database"):
        if spec.is_set(key) and getattr(spec, key) is None:
            problems.add(written.locate(key), f"{key!r} is empty", "set a value, or remove it")
    defaults = Schema(())
    return Schema(
        (),
        title=spec.title or defaults.title,
        version=spec.version or defaults.version,
        database=_resolve_database(written, problems) or defaults.database,
        limits=_resolve_limits(written, problems),
        names=NamingConventions(columns=spec.names.columns, json=spec.names.json_names),
        kit=spec.kit,
        emit=_resolve_emit(written, problems),
        auth=resolve_auth(written, problems),
        migrations=spec.migrations,
        read_replica=spec.read_replica,
        metrics=spec.metrics,
        admin=_resolve_admin(written, problems),
        tracing=spec.tracing,
        webhooks=resolve_webhooks(written, problems),
        mcp=spec.mcp,
    )


def _resolve_emit(written: WrittenSpec[AppSpec], problems: Problems) -> tuple[Artifact, ...]:
    listed = written.spec.emit or ()
    if not listed and written.spec.is_set("emit"):
        problems.add(written.locate("emit"), "the list is empty", suggest("", Artifact))
    for position, artifact in enumerate(listed):
        if artifact in listed[:position]:
            location = written.locate("emit", position)
            problems.add(location, f"duplicate value {quoted(str(artifact))}", "remove one of them")
    return tuple(artifact for artifact in Artifact if artifact in listed)


def _resolve_admin(written: WrittenSpec[AppSpec], problems: Problems) -> bool:
    if written.spec.admin and not written.spec.is_set("auth"):
        problems.add(
            written.locate_key("admin"),
            "'admin' needs callers, and there is no 'auth'",
            "add 'auth', such as 'auth: {users: true}'; or remove it, and run"
            " 'crudgen serve --admin'",
        )
    return written.spec.admin


def _resolve_database(written: WrittenSpec[AppSpec], problems: Problems) -> str | None:
    url = written.spec.database
    if url is None:
        return None
    if re.fullmatch(patterns.SQLITE_URL, url):
        return url
    scheme, _, rest = url.partition("://")
    if scheme in ("postgresql", "postgres"):
        if re.fullmatch(patterns.POSTGRESQL_URL, url):
            return f"postgresql://{rest}"
        problem = "invalid database URL"
        remedy = "in the user name and password, write @ as %40 and / as %2F"
    else:
        problem = f"unsupported database URL {quoted(url)}"
        remedy = "such as 'sqlite:///app.db' or 'postgresql://localhost/app'"
    problems.add(written.locate("database"), problem, remedy)
    return url


def _resolve_limits(written: WrittenSpec[AppSpec], problems: Problems) -> Limits:
    spec = written.spec.limits
    values: dict[str, int | float] = {}
    for key, (low, high) in LIMITS.items():
        value = getattr(spec, key)
        location = written.locate("limits", key)
        if value is None:
            if spec.is_set(key):
                problems.add(location, f"{key!r} is empty", "set a value, or remove it")
        elif not low <= value <= high:
            problems.add(location, f"{value} is out of range", f"allowed: {low} to {high}")
        else:
            values[key] = int(value) if key in INTEGER_LIMITS else float(value)
    return Limits(**values)  # type: ignore[arg-type]

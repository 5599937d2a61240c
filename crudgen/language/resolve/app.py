"""Resolves crudgen.yaml. Reason to change: another setting of the application."""

import re
from decimal import Decimal

from crudgen.language.schema import Artifact, Limits, Schema
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import AppSpec
from crudgen.language.yaml.problems import Problems, quoted, suggest

_INTEGERS = {"body_bytes": (1024, 1_073_741_824), "connections": (1, 1000)}
_SECONDS = {
    "statement_seconds": (Decimal("0.01"), Decimal(3600)),
    "lock_seconds": (Decimal("0.01"), Decimal(3600)),
}
"""Ranges of the limits. The settings of generated applications have the same ranges."""


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
        database=_database(written, problems) or defaults.database,
        limits=_limits(written, problems),
        kit=spec.kit,
        emit=_emit(written, problems),
    )


def _emit(written: WrittenSpec[AppSpec], problems: Problems) -> tuple[Artifact, ...]:
    listed = written.spec.emit or ()
    if not listed and written.spec.is_set("emit"):
        problems.add(written.locate("emit"), "the list is empty", suggest("", Artifact))
    for position, artifact in enumerate(listed):
        if artifact in listed[:position]:
            location = written.locate("emit", position)
            problems.add(location, f"duplicate value {quoted(str(artifact))}", "remove one of them")
    return tuple(artifact for artifact in Artifact if artifact in listed)


_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^][:@/?]*)(:[0-9]*)?"
_AFTER_SCHEME = re.compile(rf"([^@/]*@)?{_HOST}(,{_HOST})*([/?][^@]*)?")
"""Matches the rest of a URL: user and password, hosts, database name and parameters."""


def _database(written: WrittenSpec[AppSpec], problems: Problems) -> str | None:
    url = written.spec.database
    if url is None:
        return None
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/"):
        return url
    if scheme in ("postgresql", "postgres"):
        if _AFTER_SCHEME.fullmatch(rest):
            return f"postgresql://{rest}"
        problem = "invalid database URL"
        remedy = "in the user name and password, write @ as %40 and / as %2F"
    else:
        problem = f"unsupported database URL {quoted(url)}"
        remedy = "such as 'sqlite:///app.db' or 'postgresql://localhost/app'"
    problems.add(written.locate("database"), problem, remedy)
    return url


def _limits(written: WrittenSpec[AppSpec], problems: Problems) -> Limits:
    spec = written.spec.limits
    values: dict[str, int | float] = {}
    for key, (low, high) in {**_INTEGERS, **_SECONDS}.items():
        value = getattr(spec, key)
        location = written.locate("limits", key)
        if value is None:
            if spec.is_set(key):
                problems.add(location, f"{key!r} is empty", "set a value, or remove it")
        elif not low <= value <= high:
            problems.add(location, f"{value} is out of range", f"allowed: {low} to {high}")
        else:
            values[key] = int(value) if key in _INTEGERS else float(value)
    return Limits(**values)  # type: ignore[arg-type]

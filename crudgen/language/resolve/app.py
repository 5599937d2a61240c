"""crudgen.yaml → the settings of the whole application. Changes when there is another one."""

import re
from decimal import Decimal

from crudgen.language.schema import Limits, Schema
from crudgen.language.written.reading import Written
from crudgen.language.written.spec import AppSpec
from crudgen.language.yaml.places import Problems, shown

_WHOLE = {"body_bytes": (1024, 1_073_741_824), "connections": (1, 1000)}
_SECONDS = {
    "statement_seconds": (Decimal("0.01"), Decimal(3600)),
    "lock_seconds": (Decimal("0.01"), Decimal(3600)),
}
"""The smallest and largest value of each limit; the settings of an application have them too."""


def resolve_app(written: Written[AppSpec], problems: Problems) -> Schema:
    """Return a schema without entities; what the file does not say keeps its default."""
    spec = written.spec
    for key in ("title", "version", "database"):
        if spec.says(key) and getattr(spec, key) is None:
            problems.add(written.value(key), f"{key!r} says nothing", "give it a value, or drop it")
    usual = Schema(())
    return Schema(
        (),
        title=spec.title or usual.title,
        version=spec.version or usual.version,
        database=_database(written, problems) or usual.database,
        limits=_limits(written, problems),
        kit=spec.kit,
    )


_PLACE = r"(\[[0-9A-Fa-f:.]+\]|[^][:@/?]*)(:[0-9]*)?"
_AFTER_SCHEME = re.compile(rf"([^@/]*@)?{_PLACE}(,{_PLACE})*([/?][^@]*)?")
"""A user and a password, one or several hosts, the name of the database, parameters."""


def _database(written: Written[AppSpec], problems: Problems) -> str | None:
    url = written.spec.database
    if url is None:
        return None
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/"):
        return url
    if scheme in ("postgresql", "postgres"):
        if _AFTER_SCHEME.fullmatch(rest):
            return f"postgresql://{rest}"
        problem, remedy = "this is no URL", "in a user or password, write %40 for @ and %2F for /"
    else:
        problem = f"{shown(url)} is no database that is known"
        remedy = "such as 'sqlite:///app.db' or 'postgresql://localhost/app'"
    problems.add(written.value("database"), problem, remedy)
    return url


def _limits(written: Written[AppSpec], problems: Problems) -> Limits:
    spec = written.spec.limits
    values: dict[str, int | float] = {}
    for key, (low, high) in {**_WHOLE, **_SECONDS}.items():
        value = getattr(spec, key)
        place = written.value("limits", key)
        if value is None:
            if spec.says(key):
                problems.add(place, f"{key!r} says nothing", "give it a value, or drop it")
        elif not low <= value <= high:
            problems.add(place, f"{value} is out of range", f"allowed: {low} to {high}")
        else:
            values[key] = int(value) if key in _WHOLE else float(value)
    return Limits(**values)  # type: ignore[arg-type]

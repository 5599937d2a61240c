"""The rows that lookups describe. Reason to change: which rows are found."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crudgen.language.names import FieldName
from crudgen.language.schema import Value
from crudgen.language.yaml.problems import Problems

from .seed_rows import Lookup, SeedRow

if TYPE_CHECKING:
    from crudgen.data.open_application import OpenApplication


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The key of a row that only the database has."""

    key: Value


Target = SeedRow | StoredKey


class Targets:
    """Finds rows among the seeds, and else in the database."""

    def __init__(
        self, application: "OpenApplication", rows: Iterable[SeedRow], problems: Problems
    ) -> None:
        self._application, self._problems = application, problems
        self._rows: defaultdict[Any, list[SeedRow]] = defaultdict(list)
        for row in rows:
            for name, value in row.values.items():
                if value is not None and not isinstance(value, list | dict):
                    self._rows[row.entity.name, name, value].append(row)

    def find(self, lookup: Lookup) -> Target | None:
        """Return the row that a lookup describes; else None, and a problem is added."""
        for values in lookup.alternatives:
            among = self._matching_seeds(lookup, values)
            if len(among) > 1:
                lines = " and ".join(_place_text(row) for row in among[:2])
                self._add_problem(
                    lookup, f"several rows of {lookup.entity.name} have", f"see {lines}"
                )
                return None
            if among:
                return among[0]
            keys = self._matching_stored_keys(lookup, values)
            if len(keys) > 1:
                remedy = "write fields that only one row has: '{…: …}'"
                self._add_problem(lookup, f"several rows of {lookup.entity.name} have", remedy)
                return None
            if keys:
                return StoredKey(keys[0])
        remedy = f"add it to the seeds, or name an existing {lookup.entity.name}"
        self._add_problem(lookup, f"no row of {lookup.entity.name} has", remedy)
        return None

    def _add_problem(self, lookup: Lookup, problem: str, remedy: str) -> None:
        names = dict.fromkeys(name for one in lookup.alternatives for name in one)
        is_map = len(lookup.alternatives) == 1 and lookup.text.startswith(str(next(iter(names))))
        what = lookup.text if is_map else f"the {' or '.join(names)} {lookup.text}"
        self._problems.add(lookup.location, f"{problem} {what}", remedy)

    def _matching_seeds(self, lookup: Lookup, values: dict[FieldName, Value]) -> list[SeedRow]:
        name, value = next(iter(values.items()))
        among = self._rows.get((lookup.entity.name, name, value), [])
        return [row for row in among if row.has_values(values)]

    def _matching_stored_keys(self, lookup: Lookup, values: dict[FieldName, Value]) -> list[Value]:
        from sqlalchemy import select  # noqa: PLC0415 -- slow to import

        model = self._application.table_model(lookup.entity)
        fields = {one.name: getattr(model, str(one.attribute)) for one in lookup.entity.fields}
        conditions = [fields[name] == value for name, value in values.items()]
        statement = select(fields[lookup.entity.key.name]).where(*conditions).limit(2)
        return [*self._application.session.execute(statement).scalars()]


def _place_text(row: SeedRow) -> str:
    return f"{row.location.file}:{row.location.line}"

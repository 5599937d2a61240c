"""The query parameters about related rows: what to include, how many, and which properties."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from ..errors import problem
from .columns import Columns
from .parameters import ListParameters
from .query_parameters import Parameter, Problems, QueryParameters
from .related_rows import DEFAULT_LIMIT, Include, RelatedQuery, RelatedRows
from .values import page_size_parser, unique_names_parser

MAX_INCLUDE_LIMIT = 100
"""Most rows of a relation to include for each row."""
MAX_INCLUDED = 10_000
"""Most included rows of a response."""


@dataclass(frozen=True, slots=True)
class Includable:
    """The related rows that requests can include, and those that responses always include."""

    paths: Mapping[str, Sequence[RelatedRows]]
    """The relations from the row to the included rows, by the path of their JSON names."""
    counts: Sequence[RelatedRows] = ()
    """The relations whose number of rows is always returned."""
    embed: Sequence[RelatedRows] = ()
    """The relations to one row that the response of reading one row always includes."""

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters that say what to include, and how many rows of it."""
        if not self.paths:
            return
        doc = "Related rows to include, each as a property of its name."
        yield "include", Parameter(doc, unique_names_parser(list(self.paths)), is_list=True)
        for path, steps in self.paths.items():
            if steps[-1].is_many:
                # No default in OpenAPI: some clients would send it, also if `path` is not included.
                doc = (
                    f"Maximum number of {path.replace('__', ' of ')} to include for each row; "
                    f"{DEFAULT_LIMIT} if omitted."
                )
                yield f"{path}__limit", Parameter(doc, page_size_parser(MAX_INCLUDE_LIMIT))

    def paths_and_attributes(self) -> Mapping[str, tuple[str, str]]:
        """Return the path to include and the attribute for each name such as `team__name`."""
        return {
            f"{path}__{columns.json_name(name)}": (path, name)
            for path, steps in self.paths.items()
            for columns in [steps[-1].columns]
            for name in columns.shown
        }

    def not_included_problems(
        self, given: Mapping[str, Any], fields: Iterable[str]
    ) -> Iterator[dict[str, Any]]:
        """Yield a problem for each parameter about rows that are not included."""
        included = self._included_paths(given)
        for path, steps in self.paths.items():
            name = f"{path}__limit"
            if name in given and steps[-1].is_many and path not in included:
                yield _not_included_problem(name, path)
        for path in dict.fromkeys(fields):
            if path not in included:
                yield _not_included_problem("fields", path)

    def _included_paths(self, given: Mapping[str, Any]) -> set[str]:
        """Return the paths to include: those of the request, and what they are part of."""
        asked = [path.split("__") for path in given.get("include", ())]
        return {"__".join(path[:n]) for path in asked for n in range(1, len(path) + 1)}

    def includes(
        self, given: Mapping[str, Any], fields: Mapping[str, tuple[str, ...]], *, embed: bool
    ) -> tuple[Include, ...]:
        """Return what to include, in the order of the relations in the response model."""
        included = self._included_paths(given)
        if embed:
            included |= {one.json_name for one in self.embed}
        return self._nested_includes("", included, given, fields, count())

    def _nested_includes(
        self,
        prefix: str,
        included: set[str],
        given: Mapping[str, Any],
        fields: Mapping[str, tuple[str, ...]],
        numbers: Iterator[int],
    ) -> tuple[Include, ...]:
        found = []
        steps = {**{one.json_name: [one] for one in self.embed if not prefix}, **self.paths}
        for path, rows in steps.items():
            above, _, _ = path.rpartition("__")
            if above != prefix or path not in included:
                continue
            limit = given.get(f"{path}__limit", DEFAULT_LIMIT) if rows[-1].is_many else 1
            number = next(numbers)
            nested = self._nested_includes(path, included, given, fields, numbers)
            found.append(Include(rows[-1], number, fields.get(path, ()), limit, nested))
        return tuple(found)


def _not_included_problem(parameter: str, path: str) -> dict[str, Any]:
    message = f"The rows of `{path}` are not included: add `include={path}`"
    return problem("not_included", ["query", parameter], message)


def _too_many_problems(query: RelatedQuery) -> Problems:
    """Return the problem of a query that may include too many rows; empty if it does not."""
    most = query.max_included_rows
    if most <= MAX_INCLUDED:
        return []
    message = (
        f"The response could include {most} rows, the most is {MAX_INCLUDED}: "
        "lower `limit`, or the limits of included rows"
    )
    return [problem("too_many_included", ["query", "include"], message)]


class RelatedParameters(ListParameters):
    """The query parameters of a list that can include related rows, or filter or sort by them."""

    def __init__(
        self, columns: Columns, default_limit: int, max_limit: int, includable: Includable
    ) -> None:
        super().__init__(columns, default_limit, max_limit)
        self._includable = includable

    def _parameters(self) -> Iterator[tuple[str, Parameter]]:
        includable = self._includable
        counts = [one.count_name for one in includable.counts]
        for name, parameter in super()._parameters():
            if name == "fields":
                allowed = [*self._shown, *counts, *includable.paths_and_attributes()]
                yield name, replace(parameter, adapter=unique_names_parser(allowed))
                yield from includable.parameters()
            else:
                yield name, parameter

    def _parsed_query(
        self, values: Mapping[str, list[Any]], query_string: bytes
    ) -> RelatedQuery | Problems:
        given = {name: one[0] for name, one in values.items()}
        of_included: dict[str, tuple[str, ...]] = {}
        asked = set(given.get("fields", ()))
        for name, (path, attribute) in (
            self._includable.paths_and_attributes().items() if asked else ()
        ):
            if name in asked:
                of_included[path] = (*of_included.get(path, ()), attribute)
        problems = list(self._includable.not_included_problems(given, of_included))
        if problems:
            return problems
        arguments = self._query_arguments(values, query_string)
        counts = [one for one in self._includable.counts if one.count_name in asked]
        own: tuple[str, ...] | None = arguments["fields"]
        if not own and not counts:  # no property of the rows themselves is named: return all
            counts, own = [*self._includable.counts], None
        query = RelatedQuery(
            **arguments,
            includes=self._includable.includes(given, of_included, embed=False),
            counts=tuple(counts),
            own_fields=own,
        )
        return _too_many_problems(query) or query


class IncludeParameters(QueryParameters):
    """The query parameters of reading one row with related rows."""

    def __init__(self, columns: Columns, includable: Includable) -> None:
        self._key = ((columns.key, False),)
        self._includable = includable

    def _parameters(self) -> Iterator[tuple[str, Parameter]]:
        return self._includable.parameters()

    def _parsed_query(
        self, values: Mapping[str, list[Any]], query_string: bytes
    ) -> RelatedQuery | Problems:
        del query_string
        given = {name: one[0] for name, one in values.items()}
        if problems := list(self._includable.not_included_problems(given, ())):
            return problems
        query = RelatedQuery(
            limit=1,
            sort=self._key,
            includes=self._includable.includes(given, {}, embed=True),
            counts=tuple(self._includable.counts),
        )
        return _too_many_problems(query) or query

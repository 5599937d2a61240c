"""A resource with relations: its rows can be returned together with related rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Self

from fastapi import Depends, Response
from sqlalchemy import Table

from ..database import Database
from ..http.etag import etag_headers, joined_etag
from ..http.headers import JsonText
from ..models import Model
from ..query import ListQuery
from ..query.columns import Columns
from ..query.listing import Listing
from ..query.parameters import ListParameters
from ..query.related_parameters import Includable, IncludeParameters, RelatedParameters
from ..query.related_rows import LinkedKeys, RelatedQuery, RelatedRows, path_steps, related_rows
from ..query.relations import Relations
from ..query.visibility import ALL, Visibility
from .references import ReferencingResource
from .related_listing import RelatedListing


class RelatedResource(ReferencingResource):
    """A resource with relations, which lists and reads can include.

    `with_related` is the public model with the relations, by attribute. `include` are the paths
    over relations that requests can include, such as `team__country`; by default, all relations.
    `embed` are the relations to one row that reading one row always includes. `counts` are the
    relations to many rows whose number of rows lists and reads always return. `keys` are the links
    whose keys they return too, each with the attribute of `with_related`.
    """

    supports_row_rules = True

    _visibility: Visibility = ALL
    """Which related rows can be read."""

    def __init__(
        self,
        model: type[Model],
        *,
        public: type[Model],
        with_related: type[Model],
        relations: Relations,
        include: Sequence[str] | None = None,
        embed: Sequence[str] = (),
        counts: Sequence[str] = (),
        keys: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> None:
        self._related = related_rows(relations, with_related)
        paths = [*self._related] if include is None else include
        self._linked_keys = [
            LinkedKeys(name, relations[name], with_related, attribute)
            for name, attribute in (keys or {}).items()
        ]
        self._includable = Includable(
            dict(self._resolve_path(path) for path in sorted(paths, key=self._relation_positions)),
            [*(self._related[name] for name in counts), *self._linked_keys],
            [self._related[name] for name in embed],
        )
        super().__init__(model, public=public, **rest)
        self.included = Depends(IncludeParameters(self._columns, self._includable))
        """The dependency that parses the query of reading one row."""

    def _relation_positions(self, path: str) -> list[int]:
        """Return the position of each relation of a path in its response model, to sort paths."""
        known, positions = self._related, []
        for name in path_steps(path):
            positions.append([*known].index(name))
            known = known[name].related
        return positions

    def _resolve_path(self, path: str) -> tuple[str, Sequence[RelatedRows]]:
        """Return the path in JSON names, and the relations, for a path of attributes."""
        steps: list[RelatedRows] = []
        for name in path_steps(path):
            known = steps[-1].related if steps else self._related
            steps.append(known[name])
        return "__".join(one.json_name for one in steps), steps

    def _list_parameters(
        self, columns: Columns, default_limit: int, max_limit: int
    ) -> ListParameters:
        return RelatedParameters(columns, default_limit, max_limit, self._includable)

    def _new_listing(self, model: type[Model], columns: Columns) -> Listing:
        return RelatedListing(model, columns, self._visibility)

    def related_tables(self) -> set[Table]:
        """Return the other tables whose rows requests can read or refer to."""
        return super().related_tables() | set(_tables_of_relations(self._related.values()))

    def with_visibility(self, visibility: Visibility) -> Self:
        """Return the operations that read only the related rows that `visibility` shows."""
        found = copy(self)
        found._visibility = visibility
        return found._with_columns(self._columns.with_visibility(visibility))

    async def read(self, db: Database, key: Any, query: ListQuery | None = None) -> Response:
        """Return the response with one row and the related rows that the query includes.

        Raises HTTPException 404 if the row does not exist. The ETag has two parts: the ETag of the
        row, and that of the response. `If-Match` compares only the first part.
        """
        if not isinstance(query, RelatedQuery) or not query.has_related:
            return await super().read(db, key)
        self._check_key(key)
        assert isinstance(self._listing, RelatedListing)
        rows = await self._listing.read_row(db, key, query)
        own, body = self._existing_row(rows)
        return JsonText(body, headers=etag_headers(joined_etag(own, body)))


def _tables_of_relations(related: Iterable[RelatedRows]) -> Iterator[Table]:
    """Yield the tables that relations lead to."""
    for one in related:
        yield from (model.__table__ for model in one.models)  # type: ignore[attr-defined]
        yield from _tables_of_relations(one.related.values())

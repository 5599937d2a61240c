"""Resources whose request bodies contain the keys of the rows to link."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Self

from fastapi import Request, Response
from pydantic_core import to_json

from ..database import Change, Database
from ..database.returning import row_discarded_error
from ..database.transaction import Row
from ..http.etag import Preconditions
from ..models import Changes, Model
from ..query.relations import ManyToMany, Relations, own_model
from ..query.visibility import Visibility
from .added_properties import joined_etag_before, with_properties
from .key_writes import LinkWriter, link_locks
from .link_batches import GuardedLinkBatches, LinkBatches
from .links import LinkedResource, check_no_repeated_keys
from .references import RowsOfRelation
from .related import RelatedResource
from .related_writes import CreationGuard, LinkGuard, LinkWrites, RelatedWrite, SentRow
from .resource import Insertion, Resource
from .row_responses import ErrorConversion, row_response


class KeyProperty:
    """The keys of linked rows, which are an attribute of request bodies."""

    def __init__(
        self,
        owner: type[Model],
        relation: ManyToMany,
        attribute: str,
        json_name: str,
        *,
        is_inverse: bool = False,
    ) -> None:
        self.attribute = attribute
        self.json_name = json_name
        self.is_inverse = is_inverse
        """Whether a link belongs to the linked row, whose update a rule must allow then."""
        self.rows: Resource = RowsOfRelation(relation.model, public=own_model(relation.public))
        self._links = LinkedResource(
            owner, self.rows, relation.link, by=relation.by, to=relation.to
        )
        self._batches: dict[str, LinkBatches] = {}
        self.table = str(relation.link.__tablename__)
        self.words = self._links.words
        """The words for a linked row."""
        (_, owner_key), (_, row_key) = self._links.ends
        self.is_own = row_key is owner_key
        """Whether the linked rows are of the same table."""

    def locks(self, db: Database) -> list[Change]:
        """Return the changes that serialize replacements of the links."""
        return self._links.locks(db)

    def replacement_changes(self, db: Database, key: Any, row: Model) -> list[Change]:
        """Return the changes that replace links by those to the keys in a request body.

        Raises HTTPException 422 for a repeated key.
        """
        place, keys = ["body", self.json_name], self.keys(row)
        check_no_repeated_keys([(place, keys)])
        return self._links.replacement_changes(db, key, keys, place)

    def link_batches(self, db: Database) -> LinkBatches:
        """Return the statements that change the links of several rows."""
        if db.kind not in self._batches:
            self._batches[db.kind] = LinkBatches(*self._links.ends, db.kind)
        return self._batches[db.kind]

    def new_link_batches(
        self, kind: str, rows: Visibility, updatable: Visibility | None
    ) -> LinkBatches:
        """Return the statements that change the links to `rows`.

        `updatable` are the linked rows that the caller may update; None if this is not checked.
        """
        ends = self._links.ends
        if updatable is None:
            return LinkBatches(*ends, kind, rows)
        return GuardedLinkBatches(*ends, kind, rows, updatable)

    def keys(self, row: Model) -> list[Any]:
        """Return the keys in a request body; a body of another model has none."""
        return getattr(row, self.attribute, [])

    def is_in(self, row: Model) -> bool:
        """Return whether the request body of an update has keys."""
        return self.attribute in row.model_fields_set

    def response_property(self, keys: Iterable[Any]) -> tuple[str, bytes]:
        """Return the property of a response: its name, and the keys of linked rows as JSON."""
        return self.json_name, to_json(sorted(keys))

    def sent(self, row: Model) -> tuple[str, bytes]:
        """Return the property of a response with the keys in the request body."""
        return self.response_property(self.keys(row))

    async def stored_property(self, db: Database, key: Any) -> tuple[str, bytes]:
        """Return the property of a response with the stored keys."""
        return self.response_property(await self._links.keys(db, key))


class LinkingResource(RelatedResource):
    """A resource whose rows have the keys of linked rows as a property.

    `keys` are the links, each with the attribute of request bodies and of `with_related`. Those in
    `inverse` belong to the linked rows: rules must allow the update of these.
    """

    supports_row_rules = True

    _link_guard: LinkGuard | None = None
    """Decides which links a caller can read and change; None for all."""

    def __init__(
        self,
        model: type[Model],
        *,
        public: type[Model],
        with_related: type[Model],
        relations: Relations,
        keys: Mapping[str, str],
        inverse: Collection[str] = (),
        **rest: Any,
    ) -> None:
        super().__init__(
            model,
            public=public,
            with_related=with_related,
            relations=relations,
            keys=keys,
            **rest,
        )
        self._written = [
            KeyProperty(
                model,
                relation,
                keys[one.name],
                one.count_name,
                is_inverse=one.name in inverse,
            )
            for one in self._linked_keys
            if isinstance(relation := relations[one.name], ManyToMany)
        ]
        self._created_tag = self._tag = joined_etag_before(self._written[0].json_name)

    async def create(
        self, db: Database, request: Request, row: Model, key: str | None = None
    ) -> Response:
        """Insert a row and its links; return the response with the row and the keys."""
        if key is not None:
            return await super().create(db, request, row, key)  # type: ignore[call-arg]
        insertion = self._insertion(db, request, row)
        with ErrorConversion(self._properties):
            return insertion.answer(await insertion.write(insertion.changes))

    def related_writes(self, row: Model) -> Iterator[RelatedWrite]:
        """Yield what a request body writes to other tables."""
        yield from super().related_writes(row)
        for one in self._written:
            yield RelatedWrite(one.json_name, one.rows, keys=one.keys(row), is_shown=True)

    def guarded_by(self, guard: CreationGuard, links: LinkGuard) -> Self:
        """Return the operations that change and show the links that `links` allows."""
        found = copy(super().guarded_by(guard, links))
        found._link_guard = links
        return found

    def linked_keys(self) -> Sequence[KeyProperty]:
        """Return the properties of request bodies with keys of linked rows."""
        return self._written

    def locks_of_links(
        self, db: Database, rows: Sequence[Model], *, replaces: bool = False
    ) -> Sequence[Change]:
        """Return the changes that take the write locks of the link tables in request bodies."""
        return link_locks(
            db, [one for one in self._written if replaces or any(map(one.is_in, rows))]
        )

    def link_writes(self, db: Database, rows: Sequence[SentRow], *, replaces: bool) -> LinkWrites:
        """Return the changes of the links of existing rows.

        With `replaces`, a body without keys removes links.
        """
        writes = LinkWriter(db, self._written, self._link_guard)
        return replace(writes.changes_for_existing_rows(rows, replaces=replaces), tag=self._tag)

    def _insertion(self, db: Database, request: Request, row: Model) -> Insertion:
        own = super()._insertion(db, request, row)
        linked = [one for one in self._written if one.keys(row)]
        changes = [*link_locks(db, linked), *own.changes]
        end = len(changes)
        writes = LinkWriter(db, self._written, self._link_guard)
        if self._link_guard is None:
            for written in linked:
                for change in written.replacement_changes(db, None, row):
                    changes.append(replace(change, derive=_key_deriver(len(changes) - end + 1)))
        else:
            changes += writes.changes_for_new_rows([(None, row, ["body"])], own.after + 1)

        def build_response(found: Sequence[Sequence[Row]], shown: bytes | None = None) -> Response:
            found = found[len(found) - len(changes) :]  # other changes may precede these
            if self._link_guard is None:
                properties = [one.sent(row) for one in self._written]
            else:
                properties = writes.new_row_properties(found)
            return with_properties(own.answer(found[:end], shown), properties, self._tag)

        after = own.after + len(changes) - end
        return Insertion(changes, own.write, build_response, self._tag, after)

    async def update(self, db: Database, request: Request, key: Any, changes: Changes) -> Response:
        """Update a row and its links; return the response with the row and the keys.

        Omitted properties are unchanged. Raises HTTPException 404, 409, 412, 422, 428.
        """
        sent = [one for one in self._written if one.is_in(changes)]
        if sent:
            response = await self._update_links(db, request, key, changes, sent)
        else:
            response = await super().update(db, request, key, changes)
        properties = [
            one.sent(changes) if one in sent else await one.stored_property(db, key)
            for one in self._written
        ]
        return with_properties(response, properties, self._tag)

    async def _update_links(
        self,
        db: Database,
        request: Request,
        key: Any,
        changes: Changes,
        sent: Iterable[KeyProperty],
    ) -> Response:
        """Update a row and its links in one transaction; return the response with the row."""
        use = self._statements_for(db)
        values = self._values.read(changes, exclude_unset=True)
        expected = Preconditions(request, required=self._etag_required)
        self._check_key(key)

        def check_preconditions(rows: Sequence[Row]) -> None:
            expected.check(use.rows.write(self._existing_row(rows)))

        steps = link_locks(db, sent)
        steps.append(Change(use.lock, {"key__": key}, check=check_preconditions))
        if values:
            bound, columns = {**values, "key__": key}, tuple(sorted(values))
            steps.append(Change(use.update, bound, columns, read_back=use.read))
        end = len(steps)
        steps += [change for one in sent for change in one.replacement_changes(db, key, changes)]
        if use.rereads:
            steps.append(Change(use.read, {"key__": key}))
            end = len(steps)
        with ErrorConversion(self._properties):
            found = await db.write_all(steps)
        return row_response(use.rows.write(self._existing_row(found[end - 1])))


def _key_deriver(distance: int) -> Callable[[Sequence[Sequence[Row]]], dict[str, Any]]:
    """Return the function that derives the key of the row inserted `distance` changes before."""

    def derive_key(found: Sequence[Sequence[Row]]) -> dict[str, Any]:
        if not found[-distance]:
            raise row_discarded_error()
        (row,) = found[-distance]
        return {"key__": row[-1]}

    return derive_key

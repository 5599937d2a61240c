"""The spec of revisions: what the tables are after them. Reason to change: what tables depend on.

Tables, columns and links that the spec does not have any more stay in the database, until they are
dropped. So they stay in the spec of revisions too.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from crudgen.errors import SpecError
from crudgen.evolution.hints import Hints
from crudgen.evolution.renames import renamed_tables
from crudgen.kit.database.catalogue import TableDefinition
from crudgen.language import explain, load_texts
from crudgen.language.names import SNAKE_CASE, ClassName, FieldName
from crudgen.language.relations import Relation
from crudgen.language.schema import Entity, Field, Schema

from .history import APP_FILE, RevisionError


def load(texts: Mapping[str, str]) -> Schema | None:
    """Return the schema of the spec of revisions; None if it has no entity.

    Raises RevisionError.
    """
    entities = {f"{name}.yaml": text for name, text in texts.items() if name != APP_FILE}
    if not entities:
        return None
    try:
        return load_texts(entities, texts.get(APP_FILE))
    except SpecError as error:
        raise RevisionError(
            f"`AFTER` in the revisions is not a valid spec:\n{error}\n"
            "  restore what a revision contained, or correct it"
        ) from None


def spec_after(
    former: Schema | None, present: Schema, hints: Hints, tables: Mapping[str, TableDefinition]
) -> dict[str, str]:
    """Return the spec of revisions after a change: the long forms of its entities, by their names.

    `tables` are those of the database after it, which may have columns that no spec mentions.
    """
    after = [_plain(entity) for entity in present.entities]
    if former is not None:
        after = list(_Kept(former, present, hints, tables).added_to(after))
    texts = {
        str(entity.name): _without_comments(explain(entity, present.names)) for entity in after
    }
    if present.names != SNAKE_CASE:
        names = {"columns": present.names.columns, "json_names": present.names.json}
        lines = "".join(f"  {key}: {value}\n" for key, value in names.items())
        texts[APP_FILE] = f"names:\n{lines}"
    return texts


def _plain(entity: Entity) -> Entity:
    """Return an entity without what is for people, and without former names."""
    fields = (replace(one, doc=None, example=None, was=(), renamed=()) for one in entity.fields)
    relations = (
        replace(one, link=replace(one.link, was=())) if one.link else one
        for one in entity.relations
    )
    return replace(entity, doc=None, was=(), fields=tuple(fields), relations=tuple(relations))


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


class _Kept:
    """What of a former spec is in the database, and not in the present one."""

    def __init__(
        self,
        former: Schema,
        present: Schema,
        hints: Hints,
        tables: Mapping[str, TableDefinition],
    ) -> None:
        self._tables = tables
        columns = {
            str(entity.table): [str(one.column) for one in entity.fields]
            for entity in former.entities
        }
        moved = renamed_tables(hints, columns)
        by_table = {str(entity.table): entity for entity in former.entities}
        taken = set(moved.values())
        pairs = {
            entity.name: by_table.get(moved.get(table, "") or ("" if table in taken else table))
            for entity in present.entities
            for table in [str(entity.table)]
        }
        self._former = {name: one for name, one in pairs.items() if one is not None}
        self._renamed = {one.name: name for name, one in self._former.items()}
        used = {one.name for one in self._former.values()}
        self._left = [one for one in former.entities if one.name not in used]

    def added_to(self, entities: Collection[Entity]) -> Iterator[Entity]:
        """Yield entities with what is kept of them, and former entities whose tables are kept."""
        links = {str(link.table) for entity in entities for link in entity.links}
        for entity in entities:
            former = self._former.get(entity.name)
            yield self._with_columns(entity, former, links) if former else entity
        names = {entity.name for entity in entities}
        for entity in self._left:
            if str(entity.table) in self._tables and entity.name not in names:
                yield self._left_over(entity)

    def _with_columns(self, entity: Entity, former: Entity, links: Collection[str]) -> Entity:
        known = {str(one.column).lower() for one in entity.fields}
        table = self._tables[str(entity.table)]
        left = [one.name for one in table.columns if one.name.lower() not in known]
        fields, relations = list(entity.fields), list(entity.relations)
        for one in former.fields:
            if str(one.column) in left:
                fields.append(self._optional(one))
                relations += self._own_relations(former, one)
        for relation in self._links(former):
            if relation.link and str(relation.link.table) not in links:
                relations.append(relation)
        kept = {one.name for one in fields[len(entity.fields) :]}
        indexes = [one for one in former.indexes if not one.unique and kept & {*one.fields}]
        return replace(
            entity,
            fields=tuple(fields),
            relations=tuple(relations),
            indexes=(*entity.indexes, *indexes),
        )

    def _left_over(self, entity: Entity) -> Entity:
        api = replace(entity.api, include=(), related=(), nested=(), embed=(), counts=(), write=())
        fields = tuple(map(self._with_target, entity.fields))
        relations = [one for field in entity.fields for one in self._own_relations(entity, field)]
        relations += self._links(entity)
        return replace(entity, api=api, fields=fields, relations=tuple(relations))

    def _optional(self, field: Field) -> Field:
        return replace(self._with_target(field), optional=True, default=None, touch=False)

    def _with_target(self, field: Field) -> Field:
        if field.reference is None:
            return field
        target = self._renamed.get(field.reference.target, field.reference.target)
        return replace(field, reference=replace(field.reference, target=target, order=()))

    def _own_relations(self, entity: Entity, field: Field) -> Iterator[Relation]:
        """Yield the relation of a reference, without its inverse."""
        if field.reference:
            for one in entity.relations:
                if one.by == field.name and one.target == field.reference.target:
                    yield self._without_inverse(one)

    def _links(self, entity: Entity) -> Iterator[Relation]:
        """Yield the links of an entity whose tables are kept, without their inverses."""
        for one in entity.relations:
            is_own = one.link in entity.links and one.link and one.near == one.link.ends[0]
            if is_own and one.link and str(one.link.table) in self._tables:
                yield self._without_inverse(one)

    def _without_inverse(self, relation: Relation) -> Relation:
        target: ClassName = self._renamed.get(relation.target, relation.target)
        inverse: FieldName | None = None
        return replace(relation, target=target, inverse=inverse, order=())

"""The spec of revisions: what the tables are after them. Reason to change: what tables depend on.

Tables, columns and links that the spec does not have any more stay in the database, until they are
dropped. So they stay in the spec of revisions too, under names that nothing else has.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from crudgen.errors import SpecError
from crudgen.evolution.hints import Hints
from crudgen.evolution.renames import renamed_tables
from crudgen.kit.database.catalogue import TableDefinition
from crudgen.language import explain, load_texts
from crudgen.language.api import Api, EtagUse, Page
from crudgen.language.load import APP_FILE
from crudgen.language.names import (
    SNAKE_CASE,
    AttributeName,
    ClassName,
    FieldName,
    JsonName,
    ModuleName,
    UrlPath,
)
from crudgen.language.operations import Operation
from crudgen.language.relations import Relation
from crudgen.language.schema import Entity, Field, Schema

from .history import RevisionError

_API = Api((Operation.READ,), Page(), (), (), (), EtagUse.OPTIONAL, idempotency=False)
"""No table depends on the API, but those of the kit."""


def load(texts: Mapping[str, str]) -> Schema | None:
    """Return the schema of the spec of revisions; None if it has no entity.

    Raises RevisionError.
    """
    entities = {f"AFTER: {name}": text for name, text in texts.items() if name[0].isupper()}
    if not entities:
        return None
    try:
        schema = load_texts(entities, texts.get(APP_FILE))
    except SpecError as error:
        raise RevisionError(
            f"the revisions contain no valid spec in `AFTER`:\n{error}\n"
            "  restore what they contained, or correct it"
        ) from None
    for entity in schema.entities:
        if entity.file != f"AFTER: {entity.name}":
            raise RevisionError(
                f"the revisions contain the entity {entity.name} as {entity.file}\n"
                "  write the same name in both places"
            )
    return schema


def spec_with_kept_parts(
    former: Schema | None, present: Schema, hints: Hints, tables: Mapping[str, TableDefinition]
) -> dict[str, str]:
    """Return a spec with all that a database has after a change, and with its former names.

    `tables` are those of the database, which may have columns that no spec mentions.
    """
    entities = [replace(entity, api=_API) for entity in present.entities]
    if former is not None:
        entities = list(
            _KeptParts(former, present, hints, tables).entities_with_kept_parts(entities)
        )
    texts = {str(one.name): _minimal_text(one, present) for one in entities}
    if present.names != SNAKE_CASE:
        names = {"columns": present.names.columns, "json": present.names.json}
        lines = "".join(f"  {key}: {value}\n" for key, value in names.items())
        texts[APP_FILE] = f"names:\n{lines}"
    return texts


def without_hints(schema: Schema, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a schema without docs, examples and former names."""
    plain = {
        str(entity.name): _minimal_text(_entity_without_hints(entity), schema)
        for entity in schema.entities
    }
    return {**texts, **plain}


def _minimal_text(entity: Entity, schema: Schema) -> str:
    """Return the long form of an entity, with the smallest API."""
    text = explain(entity, schema.names).partition("\napi:\n")[0]
    return f"{text}\napi:\n  operations: [read]\n"


def _entity_without_hints(entity: Entity) -> Entity:
    fields = (replace(one, doc=None, example=None, was=(), renamed=()) for one in entity.fields)
    relations = (
        replace(one, link=replace(one.link, was=())) if one.link else one
        for one in entity.relations
    )
    return replace(entity, doc=None, was=(), fields=tuple(fields), relations=tuple(relations))


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return a name that nothing else has."""
    while name in taken:
        name = f"kept_{name}"
    return name


class _KeptParts:
    """The parts of a former spec that the database keeps, and the present spec lacks."""

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
        used = {one.name for one in self._former.values()}
        self._left = [
            one for one in former.entities if one.name not in used and str(one.table) in tables
        ]
        self._renamed = {one.name: name for name, one in self._former.items()}
        names = {str(entity.name) for entity in present.entities}
        for one in self._left:
            name = str(one.name)
            while name in names:
                name = f"Kept{name}"
            names.add(name)
            self._renamed[one.name] = ClassName(name)
        self._plurals = {str(entity.plural) for entity in present.entities}
        self._paths = {str(entity.path) for entity in present.entities}

    def entities_with_kept_parts(self, entities: Collection[Entity]) -> Iterator[Entity]:
        """Yield entities with what is kept of them, and former entities whose tables are kept."""
        links = {str(link.table) for entity in entities for link in entity.links}
        for entity in entities:
            former = self._former.get(entity.name)
            yield self._with_kept_parts(entity, former, links) if former else entity
        for entity in self._left:
            yield self._kept_entity(entity)

    def _with_kept_parts(self, entity: Entity, former: Entity, links: Collection[str]) -> Entity:
        known = {str(one.column).lower() for one in entity.fields}
        table = self._tables[str(entity.table)]
        left = [one.name for one in table.columns if one.name.lower() not in known]
        names = {
            str(name) for one in entity.fields for name in (one.name, one.attribute, one.json_name)
        } | {str(one.name) for one in entity.relations}
        fields, relations, kept = list(entity.fields), list(entity.relations), dict[str, str]()
        for one in former.fields:
            if str(one.column) in left:
                name = kept[str(one.name)] = _free_name(str(one.name), names)
                fields.append(self._field_of_kept_column(one, name))
                names.add(name)
                for relation in self._own_relations(former, one):
                    free = _free_name(str(relation.name), names)
                    relations.append(replace(relation, name=FieldName(free), by=FieldName(name)))
                    names.add(free)
        relations += [
            replace(one, name=FieldName(_free_name(str(one.name), names)))
            for one in self._kept_links(former)
            if one.link and str(one.link.table) not in links
        ]
        indexes = [
            replace(
                one, fields=tuple(FieldName(kept.get(str(name), str(name))) for name in one.fields)
            )
            for one in former.indexes
            if not one.unique and not kept.keys().isdisjoint(map(str, one.fields))
        ]
        return replace(
            entity,
            fields=tuple(fields),
            relations=tuple(relations),
            indexes=(*entity.indexes, *indexes),
        )

    def _kept_entity(self, entity: Entity) -> Entity:
        plural = _free_name(str(entity.plural), self._plurals)
        path = f"/{_free_name(str(entity.path)[1:], {one[1:] for one in self._paths})}"
        self._plurals.add(plural)
        self._paths.add(path)
        relations = [one for field in entity.fields for one in self._own_relations(entity, field)]
        return replace(
            entity,
            name=self._renamed[entity.name],
            plural=ModuleName(plural),
            path=UrlPath(path),
            api=_API,
            fields=tuple(map(self._with_renamed_target, entity.fields)),
            relations=(*relations, *self._kept_links(entity)),
        )

    def _field_of_kept_column(self, field: Field, name: str) -> Field:
        """Return the field of a kept column: optional, so that new rows need no value."""
        renamed = replace(self._with_renamed_target(field), name=FieldName(name), optional=True)
        return replace(
            renamed,
            attribute=AttributeName(name),
            json_name=JsonName(name),
            default=None,
            touch=False,
            read_only=False,
            was=(),
            renamed=(),
        )

    def _with_renamed_target(self, field: Field) -> Field:
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

    def _kept_links(self, entity: Entity) -> Iterator[Relation]:
        """Yield the links of an entity whose tables are kept, without their inverses."""
        for one in entity.relations:
            is_own = one.link in entity.links and one.link and one.near == one.link.ends[0]
            if is_own and one.link and str(one.link.table) in self._tables:
                yield self._without_inverse(one)

    def _without_inverse(self, relation: Relation) -> Relation:
        target = self._renamed.get(relation.target, relation.target)
        return replace(relation, target=target, inverse=None, order=())

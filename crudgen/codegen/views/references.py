"""Source of foreign keys. Reason to change: the columns of references."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

from crudgen.codegen.code import Code, literal, string
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword
from crudgen.language.names import ClassName
from crudgen.language.relations import OnDelete, Reference, Relation, RelationKind
from crudgen.language.schema import Entity, Field


class Entities(dict[ClassName, Entity]):
    """All entities of a schema, by name."""

    @cached_property
    def have_computed(self) -> bool:
        """Whether an entity has computed properties."""
        return any(entity.computed for entity in self.values())

    @cached_property
    def with_several_references(self) -> set[tuple[ClassName, ClassName]]:
        """The pairs of entities, in both orders, with several references between them."""
        ends = Counter(
            pair
            for name, entity in self.items()
            for field in entity.fields
            if field.reference is not None
            for pair in {(name, field.reference.target), (field.reference.target, name)}
        )
        return {pair for pair, number in ends.items() if number > 1}

    @cached_property
    def nesting(self) -> set[ClassName]:
        """The entities under whose rows other rows can be written, or together with them."""
        return {name for name, entity in self.items() if entity.api.nested or entity.api.write}


_ON_DELETE = {OnDelete.CASCADE: "CASCADE", OnDelete.SET_NULL: "SET NULL"}
"""Actions in SQL. Without one, databases reject the deletion of a row that is referred to."""


def by_name(entities: Iterable[Entity]) -> Entities:
    """Return entities by name."""
    return Entities((entity.name, entity) for entity in entities)


def reference_of(relation: Relation, entity: Entity, target: Entity) -> Field | None:
    """Return the reference by which rows are related, or None if a link table relates them."""
    if relation.by is None:
        return None
    owner = entity if relation.kind is RelationKind.MANY_TO_ONE else target
    return owner.field(relation.by)


def foreign_key(field: Field, entities: Entities, imports: Imports) -> Iterator[Bracket | Code]:
    """Yield the keyword arguments of the foreign key of a field, if it is a reference."""
    if (reference := field.reference) is None:
        return
    target = entities[reference.target]
    table, column = str(target.table), str(target.key.column)
    has_dot = "." in table + column
    if reference.use_alter or has_dot:
        parts = Bracket("(", (string(table), string(column)), ")")
        items = [
            parts if has_dot else string(f"{table}.{column}"),
            *_on_delete_argument(reference),
        ]
        if reference.use_alter:
            items.append(keyword("use_alter", literal(True)))
        constraint = call(imports.name("sqlalchemy", "ForeignKey", in_class=True), items)
        yield keyword("sa_column_args", Bracket("[", (constraint,), "]"))
    else:
        yield keyword("foreign_key", string(f"{table}.{column}"))
        yield from _on_delete_argument(reference)


def _on_delete_argument(reference: Reference) -> Iterator[Bracket | Code]:
    if reference.on_delete in _ON_DELETE:
        yield keyword("ondelete", literal(_ON_DELETE[reference.on_delete]))

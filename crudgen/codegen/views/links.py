"""View of an entity's link tables. Reason to change: the code of link tables."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, docstring, literal, name, raw, sql_name, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, call, declaration, pair, statement
from crudgen.language.relations import Link, LinkEnd, OnDelete, Reference
from crudgen.language.reserved import SQL_KEYWORDS
from crudgen.language.schema import Entity, Field, KitForm

from .articles import a_row
from .columns import FieldPrinter
from .references import Entities


@dataclass(frozen=True, slots=True)
class LinkTable:
    """The source of a link table."""

    head: Code
    doc: Code
    table_name: Code
    arguments: Code
    first: Code
    second: Code


@dataclass(frozen=True, slots=True)
class LinksView:
    """The link tables of an entity."""

    plural: Code
    imports: Code
    tables: tuple[LinkTable, ...]


def own_links(entity: Entity) -> tuple[Link, ...]:
    """Return the links of an entity that have a table of their own."""
    return tuple(link for link in entity.links if not link.via)


def links_view(entity: Entity, entities: Entities, kit: KitForm) -> LinksView:
    """Return the view of the link tables of an entity."""
    links = own_links(entity)
    attributes = (end.attribute for link in links for end in link.ends)
    imports = Imports(kit, defined=(link.name for link in links), attributes=attributes)
    model = imports.name("..kit.models", "Model")
    tables = tuple(_LinkPrinter(link, entities, imports).table(model) for link in links)
    return LinksView(words(entity.plural), imports.code(), tables)


class _LinkPrinter:
    """Builds the source of a link table."""

    def __init__(self, link: Link, entities: Entities, imports: Imports) -> None:
        self._link = link
        self._entities = entities
        self._imports = imports
        self._fields = FieldPrinter({}, imports, entities)

    def table(self, model: Code) -> LinkTable:
        bases = call(raw(""), [model, raw("table=True")])
        first, second = map(self._column_line, self._link.ends)
        return LinkTable(
            head=statement(raw("class ") + name(self._link.name), bases, tail=":"),
            doc=self._docstring(),
            table_name=statement(raw("__tablename__ = "), sql_name(self._link.table)),
            arguments=statement(raw("__table_args__ = "), self._table_arguments(), INDENT),
            first=first,
            second=second,
        )

    def _docstring(self) -> Code:
        one, other = (self._entities[end.entity] for end in self._link.ends)
        if one is other:
            return docstring(f"A link between two {words(one.plural)}.", INDENT)
        return docstring(f"A link between {a_row(one)} and {a_row(other)}.", INDENT)

    def _table_arguments(self) -> Bracket:
        """Return the index of the second column, and the options of the table."""
        first, second = (sql_name(end.column) for end in self._link.ends)
        index = self._imports.name("sqlalchemy", "Index")
        items = [call(index, [literal(None), second, first]), *self._table_options()]
        return Bracket("(", items, ")", is_tuple=True)

    def _table_options(self) -> Iterator[Bracket]:
        if self._link.table in SQL_KEYWORDS:
            yield Bracket("{", (pair("quote", literal(True)),), "}")

    def _column_line(self, end: LinkEnd) -> Code:
        key = self._entities[end.entity].key
        field = _column_field(key, end)
        arguments = tuple(self._fields.column(field))
        value = call(self._imports.name("sqlmodel", "Field", in_class=True), arguments)
        return declaration(end.attribute, self._fields.annotation(field), value)


def _column_field(key: Field, end: LinkEnd) -> Field:
    """Return a column of a link table as a field: it has the type of the key it refers to."""
    return Field(
        name=key.name,
        attribute=end.attribute,
        column=end.column,
        json_name=key.json_name,
        type=key.type,
        pk=True,
        reference=Reference(end.entity, OnDelete.CASCADE),
    )

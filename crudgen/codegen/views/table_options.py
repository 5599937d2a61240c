"""Source of `__table_args__`. Reason to change: a constraint, an index or an option of tables."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, literal, raw, sql_name
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, call, pair, statement
from crudgen.language.reserved import SQL_KEYWORDS
from crudgen.language.schema import Entity, KeyKind

from .checks import CheckPrinter
from .columns import FieldPrinter
from .conditions import check_arguments
from .referrers import may_prevent_deletion


def table_options(entity: Entity, imports: Imports, printer: FieldPrinter) -> tuple[Code, ...]:
    """Return the table name and arguments: checks, multicolumn indexes, SQLite options."""
    table_name = statement(raw("__tablename__ = "), sql_name(entity.table))
    items = tuple(_table_arguments(entity, imports, printer))
    if not items:
        return (table_name,)
    arguments = Bracket("(", items, ")", is_tuple=True)
    return table_name, statement(raw("__table_args__ = "), arguments, INDENT)


def _table_arguments(entity: Entity, imports: Imports, printer: FieldPrinter) -> Iterator[Bracket]:
    checks = CheckPrinter(printer, imports)
    for field in entity.fields:
        yield from checks.checks(field)
    yield from check_arguments(entity, imports, printer)
    for index in entity.indexes:
        columns = [sql_name(entity.field(name).column) for name in index.fields]
        if index.unique:
            yield call(imports.name("sqlalchemy", "UniqueConstraint"), columns)
        else:
            yield call(imports.name("sqlalchemy", "Index"), [literal(None), *columns])
    options = tuple(_table_keywords(entity))
    if options:
        yield Bracket("{", options, "}")


def _table_keywords(entity: Entity) -> Iterator[Bracket | Code]:
    """Yield the keyword arguments of the table, as items of a dict."""
    if entity.table in SQL_KEYWORDS:
        yield pair("quote", literal(True))
    if entity.key_kind is KeyKind.SERIAL:
        yield pair("sqlite_autoincrement", literal(True))
    if may_prevent_deletion(entity):
        plural = literal(str(entity.plural).replace("_", " "))
        yield pair("info", Bracket("{", (pair("plural", plural),), "}"))

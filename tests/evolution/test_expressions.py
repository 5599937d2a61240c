"""Values in SQL are those that the application stores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, NullPool, create_engine, insert, select, text

from crudgen.evolution.changes import ColumnChange, Conversion
from crudgen.evolution.expressions import new_value_sql, survival_condition, value_literal
from crudgen.kit.database import catalogue
from crudgen.language import load
from crudgen.language.schema import Now
from tests.startup.started import application


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_literals_equal_what_the_models_store(
    kind: str, new_database: Callable[[str], str], root: Path
) -> None:
    schema = load(root / "tests/specs/zoo/entities")
    table = application(schema).metadata.tables["animal"]
    (animal,) = [entity for entity in schema.entities if entity.table == "animal"]
    url = new_database(kind).replace("postgresql:", "postgresql+psycopg:")
    with create_engine(url, poolclass=NullPool).begin() as connection:
        table.create(connection)
        for number in (0, 1):
            row: dict[str, object] = {str(one.column): one.samples[number] for one in animal.fields}
            row |= {"title": "'%s:x\"", "mood": "calm", "second_mood": "y", "photo": b"\0'\xff"}
            connection.execute(insert(table).values(row))
            for column in table.columns:
                sql = value_literal(row[column.name], column, connection.dialect)
                if row[column.name] is not None:
                    assert matches(connection, column, sql, row["id"]) == 1, column.name


def matches(connection: Connection, column: "Column[Any]", sql: str, key: object) -> object:
    name = column.name
    if connection.dialect.name == "postgresql":
        kind = column.type.compile(connection.dialect).partition(" COLLATE")[0]
        name, sql = f"CAST({name} AS text)", f"CAST(CAST({sql} AS {kind}) AS text)"
    statement = f"SELECT count(*) FROM animal WHERE {name} = {sql} AND id = {key}"  # noqa: S608
    return connection.exec_driver_sql(
        statement, execution_options={"no_parameters": True}
    ).scalar_one()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_now_is_the_time_of_the_statement(kind: str, new_database: Callable[[str], str]) -> None:
    spec = "name: Hero\nfields: {a: date = now, b: datetime = now, c: time = now, n: str}"
    table = application(spec).metadata.tables["hero"]
    url = new_database(kind).replace("postgresql:", "postgresql+psycopg:")
    with create_engine(url, poolclass=NullPool).begin() as connection:
        table.create(connection)
        values = [value_literal(Now(), table.c[name], connection.dialect) for name in "abc"]
        sql = f"INSERT INTO hero (a, b, c, n) VALUES ({', '.join(values)}, 'x')"  # noqa: S608
        connection.execute(text(sql.replace(":", "\\:")))
        row = connection.execute(select(table)).one()
        assert row.b.date() == row.a
        assert (
            abs(row.b.time().hour * 60 + row.b.time().minute - row.c.hour * 60 - row.c.minute) < 2
        )


def test_words_are_renamed_before_a_conversion_and_null_is_filled_after_it() -> None:
    table = application("name: Hero\nfields: {mood: str}").metadata.tables["hero"]
    change = ColumnChange(
        catalogue.Column("mood", "VARCHAR"),
        catalogue.Column("mood", "VARCHAR", nullable=False),
        Conversion("upper({value})", "length({value}) < 9"),
        {"it's": "it is"},
        "none",
    )
    dialect = create_engine("sqlite://").dialect
    assert new_value_sql(change, '"mood"', table.c.mood, dialect) == (
        """coalesce(upper(CASE "mood" WHEN 'it''s' THEN 'it is' ELSE "mood" END), 'none')"""
    )
    assert survival_condition(change, '"mood"') == 'length("mood") < 9'

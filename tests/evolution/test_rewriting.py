"""CREATE TABLE is rewritten clause by clause: all other tokens and comments stay."""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from random import Random
from typing import Any

import pytest

from crudgen.evolution.sqlite.create_table import CreateTable
from crudgen.evolution.sqlite.rewriting import Rewriting
from crudgen.kit.database.catalogue.tokens import tokenize

TEXTS = int(os.environ.get("TEXTS", "25"))
NAMES = ["a", '"B c"', "[d]", "`e,`", "'f'", '"CHECK"', "_g$1"]
TYPES = ["", "INT", "VARCHAR ( 10 )", '"my type"', "double precision", "DECIMAL(10 , 2)"]
CLAUSES = [
    *("NOT NULL", "NULL", "not null on conflict abort", "COLLATE nocase", "UNIQUE"),
    *("DEFAULT 5", "DEFAULT - 1.5", "DEFAULT 'x, NOT NULL'", "DEFAULT ( 1 + ( 2 ) )"),
    *("DEFAULT NULL", "DEFAULT CURRENT_TIMESTAMP", "CHECK ( a <> ')' )", 'CONSTRAINT "n n"'),
    *("CONSTRAINT k CHECK ( a IS NOT NULL )", "UNIQUE ON CONFLICT ROLLBACK"),
    *("REFERENCES other ( id ) ON DELETE SET NULL ON UPDATE SET DEFAULT NOT DEFERRABLE",),
    *("REFERENCES other MATCH FULL DEFERRABLE INITIALLY DEFERRED", "CONSTRAINT z NOT NULL"),
]
CONSTRAINTS = [
    *("CHECK ( a > 0 )", "CONSTRAINT c CHECK ( a IN ( 1 , 2 ) )", "UNIQUE ( a )"),
    *("CONSTRAINT f FOREIGN KEY ( a ) REFERENCES other ( id ) ON DELETE NO ACTION",),
    *('CONSTRAINT "u u" UNIQUE ( a ) ON CONFLICT IGNORE', "PRIMARY KEY ( a )"),
]
SPACES = [" ", "  ", "\n\t", " /* , CHECK ) */ ", " -- it's (\n", "\r\n"]
SIGNS = re.compile(r"[(),]")


def random_table(random: Random) -> str:
    columns = []
    for name in ["a", *random.sample(NAMES[1:], random.randrange(4))]:
        clauses = random.sample(CLAUSES, random.randrange(4))
        columns.append(" ".join([name, random.choice(TYPES), *clauses]))
    if random.random() < 0.3:
        columns.append("made INT GENERATED ALWAYS AS ( a + 1 ) STORED NOT NULL")
    constraints = random.sample(CONSTRAINTS, random.randrange(4))
    body = " , ".join(columns)
    for index, constraint in enumerate(constraints):
        body += f" , {constraint}" if not index or random.random() < 0.7 else f" {constraint}"
    words = ["CREATE TABLE", random.choice(["t", '"T"']), "(", *body.split(" "), ")"]
    return "".join(_spaced(words, random)).strip()


def _spaced(words: list[str], random: Random) -> Iterator[str]:
    is_quoted = False
    for index, word in enumerate(words):
        yield word
        is_quoted ^= sum(map(word.count, "'\"")) % 2 == 1
        following = words[index + 1] if index + 1 < len(words) else ")"
        if is_quoted:
            yield " "
        elif SIGNS.fullmatch(word) or SIGNS.fullmatch(following):
            yield random.choice(["", *SPACES])
        else:
            yield random.choice(SPACES)


def tokens(sql: str, *removed: tuple[int, int]) -> list[str]:
    """Return the tokens of a statement, without those in an extent."""
    return [
        token.text
        for token in tokenize(sql)
        if not any(start <= token.start < end for start, end in removed)
    ]


def comments(sql: str) -> list[str]:
    gaps, at = [], 0
    for token in tokenize(sql):
        gaps.append(sql[at : token.start])
        at = token.end
    return re.findall(r"/\*.*?\*/|--[^\n]*", "".join(gaps))


def columns(sql: str) -> list[Any]:
    """Return what SQLite says of the columns."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(sql)
        name = CreateTable(sql).name.name
        found = connection.execute("SELECT * FROM pragma_table_xinfo(?)", [name])
        return found.fetchall()


@cache
def valid_texts() -> list[str]:
    found = []
    for seed in range(TEXTS * 3):
        sql = random_table(Random(seed))  # noqa: S311
        try:
            columns(sql)
        except sqlite3.OperationalError:
            continue  # such as a second primary key
        found.append(sql)
    assert len(found) > TEXTS
    return found


def tables() -> Iterator[tuple[str, CreateTable, Random]]:
    for seed, sql in enumerate(valid_texts()):
        yield sql, CreateTable(sql), Random(seed)  # noqa: S311


def test_columns_and_types_are_those_of_sqlite() -> None:
    for sql, table, _ in tables():
        found = [(item.column, bool(item.of_kind("TYPE"))) for item in table.columns]
        assert found == [(row[1], bool(row[2])) for row in columns(sql)], sql
        assert len(table.commas) == len(table.items) - 1
        for row, item in zip(columns(sql), table.columns, strict=True):
            assert bool(row[3]) == bool(item.of_kind("NOT NULL")), sql
            defaults = item.of_kind("DEFAULT")
            assert (row[4] is None) == (not defaults), sql


def test_every_token_belongs_to_one_clause() -> None:
    for sql, table, _ in tables():
        for item in table.items:
            at = item.start if item.column is None else item.name.end
            for clause in item.clauses:
                assert tokens(sql[at : clause.start]) == []
                at = clause.end
            assert at == item.end


def test_a_removed_clause_takes_nothing_with_it() -> None:
    for sql, table, random in tables():
        clauses = table.clauses("CHECK", "UNIQUE", "FOREIGN KEY", "DEFAULT")
        if not clauses:
            continue
        rewriting = Rewriting(table)
        removed = random.sample(clauses, random.randint(1, len(clauses)))
        for clause in removed:
            rewriting.remove(clause)
        extents = [(one.start, one.end) for one in removed]
        text = rewriting.text()
        assert without_commas(text) == without_commas(sql, *extents)
        assert columns_but(text, 4) == columns_but(sql, 4)
        assert len(comments(text)) == len(comments(sql)) - sum(
            len(comments(sql[start:end])) for start, end in extents
        )


def without_commas(sql: str, *removed: tuple[int, int]) -> list[str]:
    return [word for word in tokens(sql, *removed) if word != ","]


def columns_but(sql: str, place: int) -> list[Any]:
    return [row[:place] + row[place + 1 :] for row in columns(sql)]


SET = {
    "required": ("NOT NULL", "NOT NULL", 3),
    "optional": ("NOT NULL", None, 3),
    "type": ("TYPE", "OTHER_TYPE(7)", 2),
    "default": ("DEFAULT", "DEFAULT 99", 4),
    "no default": ("DEFAULT", None, 4),
    "order": ("COLLATE", "COLLATE rtrim", 0),
}


@pytest.mark.parametrize("what", SET)
def test_a_clause_is_set_in_one_column(what: str) -> None:
    kind, clause, place = SET[what]
    for sql, table, random in tables():
        item = random.choice([one for one in table.columns if not one.of_kind("GENERATED")])
        rewriting = Rewriting(table)
        rewriting.set_clause(item, kind, clause)
        text = rewriting.text()
        before, after = tokens(sql[: item.start]), tokens(sql[item.end :])
        assert tokens(text)[: len(before)] == before
        assert tokens(text)[len(tokens(text)) - len(after) :] == after
        assert comments(sql[: item.start]) + comments(sql[item.end :]) == [
            *comments(text)[: len(comments(sql[: item.start]))],
            *comments(text)[len(comments(text)) - len(comments(sql[item.end :])) :],
        ]
        if place:
            assert columns_but(text, place) == columns_but(sql, place)
        (row,) = (row for row in columns(text) if row[1] == item.column)
        got = CreateTable(text).column(str(item.column)).of_kind(kind)
        if clause is None:
            assert got == []
            assert not row[place]
        else:
            assert len(got) == 1
            assert text[got[0].body : got[0].end] == clause


def test_clauses_are_set_together() -> None:
    for sql, table, random in tables():
        item = random.choice([one for one in table.columns if not one.of_kind("GENERATED")])
        rewriting = Rewriting(table)
        for kind, clause in [
            ("TYPE", "X(1)"),
            ("NOT NULL", "NOT NULL"),
            ("COLLATE", "COLLATE rtrim"),
        ]:
            rewriting.set_clause(item, kind, clause)
        rewriting.set_clause(item, "DEFAULT", random.choice([None, "DEFAULT 'd'"]))
        rewriting.add_clause(item, "CHECK (1)")
        found = CreateTable(rewriting.text()).column(str(item.column))
        kinds = [clause.kind for clause in item.clauses]
        for kind in ("TYPE", "NOT NULL", "COLLATE"):
            assert len(found.of_kind(kind)) == 1, sql
        assert len(found.of_kind("CHECK")) == kinds.count("CHECK") + 1
        assert len(found.of_kind("FOREIGN KEY")) == kinds.count("FOREIGN KEY")
        (row,) = (row for row in columns(rewriting.text()) if row[1] == item.column)
        assert row[2:4] == ("X(1)", 1)


def test_columns_and_constraints_are_added_after_the_others() -> None:
    for sql, table, _ in tables():
        rewriting = Rewriting(table)
        rewriting.rename_table('"new ""name"')
        rewriting.add_column("x1 INT DEFAULT 1")
        rewriting.add_column("x2")
        rewriting.add_constraint("CONSTRAINT x3 CHECK (x1 > 0)")
        text = rewriting.text()
        start, end = table.name.start, table.name.end
        assert text.startswith(f'{sql[:start]}"new ""name"')
        added = tokens(", x1 INT DEFAULT 1, x2"), tokens(", CONSTRAINT x3 CHECK (x1 > 0)")
        split = table.columns[-1].end
        assert tokens(text)[3:] == [
            *tokens(sql[end:split]),
            *added[0],
            *tokens(sql[split : table.items[-1].end]),
            *added[1],
            ")",
        ]
        assert comments(text) == comments(sql)
        assert [row[1] for row in columns(text)] == [
            *(row[1] for row in columns(sql)),
            *("x1", "x2"),
        ]


def test_a_column_is_removed_with_its_comma() -> None:
    for _, table, random in tables():
        if len(table.columns) == 1:
            continue
        removed = random.sample(table.columns[1:], random.randint(1, len(table.columns) - 1))
        rewriting = Rewriting(table)
        for item in removed:
            rewriting.set_clause(item, "NOT NULL", None)
            rewriting.remove_column(item)
        rewriting.add_column("x1")
        text = rewriting.text()
        names = [item.column for item in table.columns if item not in removed]
        assert [row[1] for row in columns(text)] == [*names, "x1"]


def _remove_first(rewriting: Rewriting, table: CreateTable) -> None:
    rewriting.remove_column(table.columns[0])


def _name(rewriting: Rewriting, _: CreateTable) -> None:
    rewriting.rename_table("t")


def _remove_rule(rewriting: Rewriting, table: CreateTable) -> None:
    rewriting.remove(table.clauses("CHECK")[0])


EDITS: list[tuple[str, Callable[[Rewriting, CreateTable], None], str]] = [
    ("CREATE TABLE t (a INT, b INT)", _remove_first, "CREATE TABLE t ( b INT)"),
    (
        'CREATE TABLE t (a INT, b INT CHECK (t.b > 0 AND ("T" . b < 9)))',
        _name,
        "CREATE TABLE t (a INT, b INT CHECK (b > 0 AND ( b < 9)))",
    ),
    (
        "CREATE TABLE t (a INT, b INT NOT NULL CHECK(b)COLLATE nocase)",
        _remove_rule,
        "CREATE TABLE t (a INT, b INT NOT NULL COLLATE nocase)",
    ),
    (
        "CREATE TABLE t (a INT -- the first\n CHECK (a), CHECK (b))",
        _remove_rule,
        "CREATE TABLE t (a INT -- the first\n , CHECK (b))",
    ),
]


@pytest.mark.parametrize(("before", "edit", "after"), EDITS)
def test_text_around_an_edit(
    before: str, edit: Callable[[Rewriting, CreateTable], None], after: str
) -> None:
    table = CreateTable(before)
    rewriting = Rewriting(table)
    edit(rewriting, table)
    assert rewriting.text() == after

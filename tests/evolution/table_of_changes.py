"""The table of changes: each kind of change to a table in company, with what its rows become.

The table has a child table with CASCADE, a reference, a link, and a trigger, a view, an index and a
column of the user. Its last row is deleted: its key must not be given again.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from crudgen.evolution.connecting import Database
from crudgen.evolution.statements import run
from tests.evolution.changed import ROWS, Changed, Spec, entity, spec

Row = dict[str, Any]

FIELDS = {
    "name": "str(1..80) index",
    "code": "str unique",
    "age": "int(0..150)?",
    "rating": "int?",
    "rank": "int",
    "price": "decimal(10,2)",
    "ratio": "float",
    "mood": "enum(calm, angry, sad)",
    "born": "date",
    "seen": "datetime",
    "clock": "time",
    "active": "bool",
    "digits": "str(1..20)?",
    "token": "uuid",
    "data": "json",
    "team_id": "int",
    "home_id": "-> Team? inverse(locals)",
}
CLUBS = "clubs: {to: Team, inverse: fans}"
PET = entity("Pet", {"name": "str", "hero_id": "-> Hero cascade"})
TEAM = entity("Team", {"id": "int pk", "name": "str"})
TEXT_TEAM = entity("Team", {"id": "str(1..20) pk", "name": "str"})
SQUAD = entity("Squad", {"id": "int pk", "name": "str"}, "was: Team")
GUILD = entity("Guild", {"name": "str"})
POWER = entity("Power", {"name": "str"})
MASTERY = entity(
    "Mastery",
    {"hero_id": "-> Hero cascade", "team_id": "-> Team cascade", "level": "int = 1"},
    "unique: [[hero_id, team_id]]",
)
MEMBER = entity(
    "Member",
    {"hero_id": "-> Hero cascade", "club_id": "-> Team cascade"},
    "was: hero_club_link",
)
_INDEX = "CREATE INDEX mine ON hero (lower(extra) DESC) WHERE extra <> ''"
_VIEW = "CREATE VIEW extras AS SELECT id, extra FROM hero"
_CHANGED = "UPDATE hero SET extra = 'y' WHERE id = 2"
USERS = {
    "sqlite": [
        "ALTER TABLE hero ADD COLUMN extra TEXT DEFAULT 'x' COLLATE NOCASE",
        "CREATE TABLE log (hero INTEGER)",
        """CREATE TRIGGER watch AFTER UPDATE OF extra ON hero
        BEGIN INSERT INTO log VALUES (new.id); END""",
        *(_INDEX, _VIEW, _CHANGED),
    ],
    "postgresql": [
        "ALTER TABLE hero ADD COLUMN extra text DEFAULT 'x'",
        "CREATE TABLE log (hero bigint)",
        """CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO log VALUES (new.id); RETURN new; END $$""",
        "CREATE TRIGGER watch AFTER UPDATE OF extra ON hero FOR EACH ROW EXECUTE FUNCTION watch()",
        *(_INDEX, _VIEW, _CHANGED),
    ],
}


def hero(number: int) -> Row:
    return {
        "name": f"hero {number}",
        "code": f"c{number}",
        "age": number % 100 if number % 3 else None,
        "rating": number % 5,
        "rank": number % 7,
        "price": Decimal(number) + Decimal("0.99"),
        "ratio": number / 2,
        "mood": ("calm", "angry")[number % 2],
        "born": date(2000, 1, 1 + number % 28),
        "seen": datetime(2000, 1, 1 + number % 28, tzinfo=UTC),
        "clock": time(12, number % 60, 0, 250_000),
        "active": number % 2 == 0,
        "digits": str(number) if number % 5 else None,
        "token": UUID(int=number),
        "data": {"n": [number, None]},
        "team_id": number % 2,
        "home_id": number % 2 if number % 3 else None,
    }


@dataclass(frozen=True)
class Case:
    """A change of the fields of Hero or of other entities, and what each row is afterwards."""

    fields: Mapping[str, str | None]
    """Changed fields; None removes one."""
    new: Callable[[Row], Row]
    """What of a row changes."""
    gone: tuple[str, ...] = ()
    """The fields that the models do not have afterwards."""
    more: tuple[str, ...] = ()
    """Lines of the entity before its fields."""
    table: str = "hero"
    links: tuple[str, ...] = (CLUBS,)
    link: str | None = "hero_club_link"
    """The table of the link; none if the spec does not have it afterwards."""
    team: str = TEAM
    key: Callable[[int], Any] = int
    """The new key of a team."""
    pet: str | None = PET
    others: tuple[str, ...] = ()
    """New entities."""
    fills: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()


def same(_row: Row) -> Row:
    return {}


def value(name: str, change: Callable[[Any], Any]) -> Callable[[Row], Row]:
    """Return a change of one value that is not NULL."""
    return lambda row: {name: None if row[name] is None else change(row[name])}


def as_text(row: Row) -> Row:
    """Return values of all types as text."""
    return {
        "price": f"{row['price']:.2f}",
        "ratio": str(row["ratio"]),
        "mood": row["mood"],
        "born": row["born"].isoformat(),
        "seen": row["seen"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "clock": row["clock"].isoformat(),
        "active": str(row["active"]).lower(),
        "token": str(row["token"]),
        "data": json.dumps(row["data"]),
    }


CASES = {
    "add an optional field": Case({"level": "int?"}, lambda _: {"level": None}),
    "add an optional field with a rule": Case({"motto": "str(1..)?"}, lambda _: {"motto": None}),
    "add a required field with a default": Case({"level": "int(0..9) = 1"}, lambda _: {"level": 1}),
    "add a required field by --fill": Case(
        {"motto": "str"}, lambda _: {"motto": "it's 5%"}, fills=("hero.motto=it's 5%",)
    ),
    "add a unique field": Case({"nick": "str? unique"}, lambda _: {"nick": None}),
    "rename a field": Case(
        {"name": None, "title": "str(1..80) index was(name)"},
        lambda row: {"title": row["name"]},
        ("name",),
    ),
    "rename and reuse the name": Case(
        {"name": "str(1..80) = 'new' index", "title": "str(1..80) index was(name)"},
        lambda row: {"title": row["name"], "name": "new"},
    ),
    "rename the table": Case(
        {}, same, more=("was: hero",), table="champion", link="champion_club_link"
    ),
    "widen a rule": Case({"name": "str(1..120) index"}, same),
    "narrow a rule": Case({"age": "int(0..99)?"}, same),
    "remove a rule": Case({"age": "int?"}, same),
    "add a word": Case({"mood": "enum(calm, angry, sad, glad)"}, same),
    "remove a word": Case({"mood": "enum(calm, angry)"}, same),
    "rename a word": Case(
        {"mood": "{type: enum, values: [calm, furious, sad], renamed: {angry: furious}}"},
        value("mood", lambda mood: "furious" if mood == "angry" else mood),
    ),
    "another column": Case(
        {"name": "str(1..80) index column(HeroName) was(name)"},
        lambda row: {"HeroName": row["name"]},
        ("name",),
    ),
    "int to str": Case({"age": "str(1..20)?"}, value("age", str)),
    "str to int": Case({"digits": "int?"}, value("digits", int)),
    "int to float": Case({"rank": "float"}, value("rank", float)),
    "date to datetime": Case(
        {"born": "datetime"},
        value("born", lambda day: datetime.combine(day, time(), UTC)),
    ),
    "bool to int": Case({"active": "int"}, value("active", int)),
    "all types to text": Case(
        dict.fromkeys(as_text(hero(1)), "text"),
        as_text,
    ),
    "other conversions": Case(
        {"rank": "decimal(5,2)", "price": "float", "ratio": "decimal(12,1)", "seen": "date"},
        lambda row: {
            "rank": Decimal(row["rank"]),
            "price": float(row["price"]),
            "ratio": Decimal(str(row["ratio"])),
            "seen": row["seen"].date(),
        },
        integers=("hero.rank",),
    ),
    "fewer digits": Case({"price": "decimal(8,2)"}, same),
    "more digits before the point": Case({"price": "decimal(12,2)"}, same),
    "more digits behind the point": Case({"price": "decimal(12,4)"}, same),
    "optional to required by --fill": Case(
        {"age": "int(0..150)"},
        lambda row: {"age": 7 if row["age"] is None else row["age"]},
        fills=("hero.age=7",),
    ),
    "optional to required": Case({"rating": "int"}, same),
    "required to optional": Case({"name": "str(1..80)? index"}, same),
    "add an index": Case({"rank": "int index"}, same),
    "remove an index": Case({"name": "str(1..80)"}, same),
    "add unique": Case({"name": "str(1..80) unique"}, same),
    "remove unique": Case({"code": "str"}, same),
    "an index in place of unique": Case({"code": "str index"}, same),
    "unique and a type at once": Case({"digits": "int? unique"}, value("digits", int)),
    "several unique fields": Case(
        {}, same, more=("unique: [[rank, code]]", "index: [[mood, born]]")
    ),
    "add a foreign key": Case({"team_id": "-> Team cascade"}, same),
    "another action on deletion": Case({"home_id": "-> Team? set_null inverse(locals)"}, same),
    "add a reference to itself": Case(
        {"boss_id": "-> Hero? unique inverse(minion)"}, lambda _: {"boss_id": None}
    ),
    "remove a foreign key": Case({"home_id": "int?"}, same),
    "require a reference by --fill": Case(
        {"home_id": "-> Team inverse(locals)"},
        lambda row: {"home_id": 1 if row["home_id"] is None else row["home_id"]},
        fills=("hero.home_id=1",),
    ),
    "a relation to a new entity": Case(
        {"guild_id": "-> Guild?"}, lambda _: {"guild_id": None}, others=(GUILD,)
    ),
    "rename the other entity": Case(
        {"home_id": "-> Squad? inverse(locals)"},
        same,
        links=("clubs: {to: Squad, inverse: fans}",),
        team=SQUAD,
    ),
    "another type of the key of the other entity": Case(
        {},
        value("home_id", str),
        team=TEXT_TEAM,
        key=str,
    ),
    "remove the child entity": Case({}, same, pet=None),
    "drop the child entity": Case({}, same, pet=None, drops=("pet",)),
    "add a link": Case({}, same, links=(CLUBS, "powers: Power"), others=(POWER,)),
    "rename a link": Case(
        {},
        same,
        links=("circles: {to: Team, inverse: fans, was: clubs}",),
        link="hero_circle_link",
    ),
    "remove a link": Case({}, same, links=(), link=None),
    "drop a link": Case({}, same, links=(), link=None, drops=("hero_club_link",)),
    "an entity in place of a link": Case(
        {},
        same,
        links=("clubs: {to: Team, via: Mastery, inverse: fans}",),
        link=None,
        others=(MASTERY,),
    ),
    "remove a field": Case({"code": None}, same, ("code",)),
    "drop a field": Case({"code": None}, same, ("code",), drops=("hero.code",)),
    "six changes": Case(
        {
            "name": None,
            "title": "str(1..120) unique was(name)",
            "age": "str(1..20)?",
            "price": "decimal(12,4)",
            "mood": "enum(calm, angry, sad, glad)",
            "rank": "int index",
            "level": "int = 3",
        },
        lambda row: {
            "title": row["name"],
            "age": None if row["age"] is None else str(row["age"]),
            "level": 3,
        },
        ("name",),
    ),
}
SURVIVED = {
    "add an optional field",
    "add an optional field with a rule",
    "add a required field with a default",
    "widen a rule",
    "add a word",
    "remove a rule",
    "add an index",
    "remove an index",
    "a relation to a new entity",
    "remove a foreign key",
    "add a link",
    "remove a link",
    "remove the child entity",
}
"""The changes that servers of the version before survive."""
KEPT = {"remove the child entity", "remove a link"}
"""The changes of a spec that change nothing in the database."""
REFUSED = {
    "narrow a rule": ({"age": "int(5..)?"}, "violates the rule"),
    "remove a word": ({"mood": "enum(calm, sad)"}, "does not have: 'angry'"),
    "str to int": ({"name": "int"}, "does not convert"),
    "uuid": ({"rank": "uuid"}, "no conversion"),
    "required": ({"age": "int(0..150)"}, "without a value"),
    "add required": ({"level": "int"}, "need a value"),
    "doubles": ({"rank": "int unique"}, "must be unique"),
    "a unique default": ({"level": "int = 3 unique"}, "must be unique"),
    "fewer digits": ({"price": "decimal(2,1)"}, "does not convert"),
    "a fill without a target": ({"home_id": "-> Team inverse(locals)"}, "refer to no row"),
    "orphans": ({"rank": "-> Team relation(squad)"}, "refer to no row"),
}
CONSEQUENCES = {
    "another key, and a link with the name": (
        Case({}, same, others=(MEMBER,)),
        "the primary key is (hero_id, club_id) in the database, (id) in the spec",
    ),
    "no conversion, and a reference to a key with another type": (
        Case({"born": "uuid"}, same, team=TEXT_TEAM),
        "there is no conversion from",
    ),
}
"""Changes with one problem, which keeps names and foreign keys that another change needs."""


@dataclass(frozen=True)
class Company:
    """A database before a change, with the rows of its tables."""

    found: Changed
    before: Spec
    heroes: list[Row]
    teams: list[Row]
    pets: list[Row]
    links: list[Row]


_PREPARED: dict[str, Company] = {}


def start(new_database: Callable[[str], str], kind: str) -> Company:
    """Create the tables with their rows, and what the user has added; the next time, copy them."""
    if kind not in _PREPARED:
        _PREPARED[kind] = _prepared(new_database(kind), kind)
    source = _PREPARED[kind]
    return replace(source, found=Changed(_copy(source.found.database, new_database(kind))))


def _prepared(url: str, kind: str) -> Company:
    before = after({})
    found = Changed(Database(url))
    found.apply(before.target())
    teams = [{"id": number, "name": f"team {number}"} for number in (0, 1)]
    found.insert(before, "team", teams)
    found.insert(before, "hero", [hero(number) for number in range(1, ROWS + 2)])
    numbers = range(1, ROWS + 1)
    pets = [{"name": f"pet {number}", "hero_id": number} for number in numbers]
    found.insert(before, "pet", pets)
    links = [{"hero_id": number, "club_id": number % 2} for number in numbers]
    found.insert(before, "hero_club_link", links)
    found.execute(f"DELETE FROM hero WHERE id = {ROWS + 1}", *USERS[kind])  # noqa: S608
    tables = ("hero", "team", "pet", "hero_club_link")
    return Company(found, before, *(found.rows(before, table) for table in tables))


def _copy(source: Database, url: str) -> Database:
    """Replace a new database by a copy."""
    if source.file is not None:
        with source.connect() as connection:
            run(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(source.file, url.removeprefix("sqlite:///"))
        return Database(url)
    with source.connect() as connection:
        template = run(connection, "SELECT current_database()").scalar_one()
    name = make_url(url).database
    with psycopg.connect(url.replace(f"/{name}?", "/postgres?"), autocommit=True) as server:
        server.execute(f"DROP DATABASE {name}".encode())
        create = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"
        server.execute(create.encode())
    return Database(url)


def after(fields: Mapping[str, str | None], case: Case | None = None) -> Spec:
    """Return the spec after a change."""
    case = case or Case({}, same)
    written = {name: text for name, text in {**FIELDS, **fields}.items() if text is not None}
    name = case.table.capitalize()
    more = [*case.more, *(["links:", *(f"  {one}" for one in case.links)] if case.links else [])]
    pets = [case.pet.replace("Hero", name)] if case.pet else []
    return spec(entity(name, written, *more), *pets, case.team, *case.others)

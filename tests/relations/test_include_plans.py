"""Included rows are read by indexes, up to their limit, for the rows of the page only."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert

from tests.owners.project import Project, emit

pytestmark = pytest.mark.long

TEAMS = Path(__file__).parents[1] / "specs/teams/entities"
LISTS = [
    ("teams", "/teams/?include=heroes&sort=headquarters"),
    ("heroes", "/heroes/?include=team,powers"),
    ("powers", "/powers/?include=heroes"),
]


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    specs = {file.stem: file.read_text("utf-8") for file in TEAMS.iterdir()}
    return emit(tmp_path_factory.mktemp("plans"), specs)


@pytest.fixture
def project(emitted: Path, tmp_path: Path) -> Iterator[Project]:
    copied = Project.copied(emitted, tmp_path)
    yield copied
    copied.unload()


@pytest.mark.parametrize("writer", ["database", "python"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_table_is_scanned_for_included_rows(
    project: Project,
    kind: str,
    writer: str,
    new_database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if writer == "python":
        listing = project.module("kit.rows.related_listing")
        monkeypatch.setattr(listing, "fast_module", lambda _name: None)
    url = new_database(kind)
    app = project.create(database_url=url)
    with project.client(app) as client:
        fill(project, app.state.database)
        analyze(kind, url)
        for name, path in LISTS:
            assert client.get(path).is_success
            resource = getattr(project.module(f"{name}.routes"), name)
            (shape,) = resource._listing._cache.shapes.values()  # noqa: SLF001
            plan = explain(kind, url, shape.page)
            scans = [line for line in plan if is_scan(line, kind) and "related_" in line]
            assert not scans, "\n".join(plan)


def fill(project: Project, database: Any) -> None:
    hero, team, power = (
        getattr(project.module(f"{plural}.models"), name).__table__
        for plural, name in (("heroes", "Hero"), ("teams", "Team"), ("powers", "Power"))
    )
    link = project.module("heroes.links").HeroPowerLink.__table__
    numbers = range(1, 3001)
    heroes = [{"name": f"{n}", "secret_name": "", "team_id": n % 300 + 1} for n in numbers]
    with database.session() as session:
        teams = [{"name": f"{n}", "headquarters": f"{n}"} for n in range(300)]
        session.exec(insert(team), params=teams)
        session.exec(insert(power), params=[{"name": f"{n}"} for n in range(300)])
        session.exec(insert(hero), params=heroes)
        links = [{"hero_id": n, "power_id": (n + m) % 300 + 1} for n in numbers for m in range(5)]
        session.exec(insert(link), params=links)
        session.commit()


def analyze(kind: str, url: str) -> None:
    if kind == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            file.execute("ANALYZE")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def explain(kind: str, url: str, prepared: Any) -> list[str]:
    values = {"offset": 0, "limit": 101, **{f"include_{n}": 20 for n in range(5)}}
    if kind == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            rows = file.execute(f"EXPLAIN QUERY PLAN {prepared.sql}", values).fetchall()
            return [row[-1] for row in rows]
    with psycopg.connect(url) as connection:
        # These tables are small: without the setting, it prefers scans to indexes.
        connection.execute("SET enable_seqscan = off")
        return [row[0] for row in connection.execute(f"EXPLAIN {prepared.sql}", values)]


def is_scan(line: str, kind: str) -> bool:
    """Return whether a line of a plan scans a table; `related_0_rows` are the rows that it read."""
    if kind == "sqlite":
        return line.startswith("SCAN") and not line.endswith("_rows")
    return "Seq Scan" in line

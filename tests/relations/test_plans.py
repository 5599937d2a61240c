"""Lists that are filtered and sorted by related rows read them by indexes, on both databases."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.owners.project import Project, emit

pytestmark = pytest.mark.long

SPECS = Path(__file__).parents[1] / "specs/teams/entities"
TEAM = """
api:
  related: [heroes__any__name, heroes]
"""
FULL_SCAN = re.compile(
    r"SCAN (TABLE )?(hero|team|power)\w*( AS \w+)?$|Seq Scan on hero", re.MULTILINE
)
ROWS = 40_000
FILL = (
    "INSERT INTO team (name, headquarters) SELECT 'team ' || i, 'x' FROM {} WHERE i <= 2000",
    """
    INSERT INTO hero (name, secret_name, age, team_id)
    SELECT 'hero ' || i, 's', i % 90, CASE WHEN i % 20 > 0 THEN 1 + i % 2000 END FROM {}
    """,
    "INSERT INTO power (name) SELECT 'power ' || i FROM {} WHERE i <= 100",
    "INSERT INTO hero_power_link (hero_id, power_id) SELECT i, 1 + i % 100 FROM {}",
)
SERIES = {
    "sqlite": f"""
        (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})
         SELECT i FROM n) AS n
    """,  # noqa: S608
    "postgresql": f"generate_series(1, {ROWS}) AS n(i)",
}
LISTS = [
    "/heroes/?team__name=team+7",
    "/heroes/?team__name__in=team+7&team__name__in=team+8&count=exact",
    "/heroes/?powers__any__name=power+7",
    "/teams/?heroes__any__name=hero+7&count=exact",
    "/heroes/?sort=team__name&limit=10",
    "/heroes/?sort=-team__name&limit=10",
    "/heroes/?sort=team__name&limit=10&cursor=&offset=5000",
    "/heroes/?sort=-team__name&limit=10&cursor=&offset=5000",
    "/heroes/?sort=team__name&limit=10&cursor=&offset=500&include=team",
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[str], str],
) -> Iterator[tuple[TestClient, list[str]]]:
    """Return a client, and a list to which the plans of its reads are added."""
    folder = tmp_path_factory.mktemp("plans")
    specs = {file.stem: file.read_text("utf-8") for file in SPECS.iterdir()}
    specs["team"] += TEAM
    project = Project.copied(emit(folder, specs), folder)
    url = new_database(request.param)
    app = project.create(database_url=url)
    plans: list[str] = []
    with project.client(app) as client:
        database = app.state.database
        with database.session() as session:
            for statement in FILL:
                session.exec(text(statement.format(SERIES[request.param])))
            session.commit()
            session.exec(text("ANALYZE"))
            session.commit()
        read = database.read

        async def explained(statement: Any, values: Any, **options: Any) -> Any:
            if hasattr(statement, "sql"):
                plans.append(plan(url, statement.sql, statement.values(values)))
            return await read(statement, values, **options)

        database.read = explained
        yield client, plans
    project.unload()


def plan(url: str, sql: str, values: dict[str, Any]) -> str:
    """Return how the database runs a statement."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        return "\n".join(row[3] for row in rows)
    with psycopg.connect(url) as connection:
        explain: Any = f"EXPLAIN {sql}"
        return "\n".join(row[0] for row in connection.execute(explain, values).fetchall())


def without_counts(plan: str) -> str:
    """Return a plan of PostgreSQL without the counts of skipped rows, which end at the offset."""
    kept, depth = [], -1
    for line in plan.splitlines():
        indent = len(line) - len(line.lstrip())
        if depth < 0 or indent <= depth:
            depth = indent if line.lstrip().startswith("InitPlan") else -1
        if depth < 0:
            kept.append(line)
    return "\n".join(kept)


@pytest.mark.parametrize("url", LISTS)
def test_a_list_reads_related_rows_by_indexes(
    client: tuple[TestClient, list[str]], url: str
) -> None:
    http, plans = client
    plans.clear()
    answer = http.get(url)
    assert answer.status_code == 200, answer.text
    for direction in ("next", "prev"):
        if "cursor=" in url:
            answer = http.get(answer.links[direction]["url"])
            assert answer.status_code == 200, answer.text
    assert plans
    if "cursor=" in url:
        plans = plans[1:]  # an offset has to skip rows
    for one in plans:
        assert not FULL_SCAN.search(without_counts(one)), one

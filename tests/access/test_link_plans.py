"""Links under rules are read and changed by indexes, however many rows there are."""

# ruff: noqa: S608 -- all texts are those of this module

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.access.guild import APP, OWN
from tests.access.keyed import texts
from tests.access.vocabulary import Asker, run

ROWS = 10_000
SERIES = {
    "sqlite": f"""
        (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})
         SELECT i FROM n) AS n
    """,
    "postgresql": f"generate_series(1, {ROWS}) AS n(i)",
}
FILL = (
    "INSERT INTO hero (name, owner_id, open) SELECT 'h', i % 3, i % 2 = 0 FROM {}",
    "INSERT INTO power (name, author_id, secret) SELECT 'p', i % 3, i % 2 = 0 FROM {}",
    *(
        f"INSERT INTO hero_{far}_link (hero_id, {far}_id) "
        f"SELECT i, 1 + (i + {step}) % {ROWS} FROM {{}}"
        for far in ("power", "friend")
        for step in (2, 5, 8)
    ),
)
HERO = {"name": "h", "owner_id": 1, "open": True}
POWER = {"name": "p", "author_id": 1, "secret": False}
OWNED, OTHER = 100, 103
"""Keys of rows of the caller."""
REQUESTS: list[tuple[str, Any]] = [
    *(
        (f"{method} /{path}", body)
        for path in (
            f"heroes/{OWNED}/powers/",
            f"powers/{OWNED}/heroes/",
            f"heroes/{OWNED}/friends/",
            f"heroes/{OWNED}/fans/",
        )
        for method, path, body in (
            ("PUT", f"{path}{OTHER}", None),
            ("PUT", path, [OTHER, 106, 112]),
            ("DELETE", f"{path}{OTHER}", None),
            ("PUT", path, []),
        )
    ),
    *(
        (f"{method} /{path}/{last}", body)
        for path, row, keys in (
            ("heroes", HERO, {"power_ids": [OWNED, OTHER], "friend_ids": [OTHER]}),
            ("powers", POWER, {"hero_ids": [OWNED, OTHER]}),
        )
        for method, last, body in (
            ("POST", "", row | keys),
            ("POST", "bulk", [row | keys, row]),
            ("PATCH", OWNED, keys),
            ("PATCH", OWNED, {name: [] for name in keys}),
            ("PUT", OWNED, row | keys),
            ("PUT", OWNED, row),
            ("PATCH", "bulk", [{"id": OWNED, **keys}, {"id": OTHER, **keys}]),
            ("GET", OWNED, None),
        )
    ),
]
LISTS = {
    "GET /heroes/?include=friends&limit=10": "hero",
    "GET /powers/?heroes__exists=true&limit=10": "power",
}
"""Lists, and the tables that SQLite reads in the order of keys, until the page is full."""


class Plans:
    """The statements that an application runs, and how its database runs them."""

    def __init__(self, asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
        self._engine = asker.engine
        is_sqlite = asker.engine.dialect.name == "sqlite"
        self._explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        self._statements: list[tuple[str, Any]] = []
        prepared = asker.application.module("kit.database.statements").Prepared
        values = prepared.values

        def noted(statement: Any, given: Any) -> Any:
            bound = values(statement, given)
            self._statements.append((statement.sql, bound))
            return bound

        monkeypatch.setattr(prepared, "values", noted)

    def explained(self) -> list[tuple[str, str]]:
        """Return the statements since the last call, each with its plan."""
        found, self._statements = self._statements, []
        with self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            return [(sql, self._plan(driver, sql, values)) for sql, values in found]

    def _plan(self, driver: Any, sql: str, values: Any) -> str:
        rows = driver.execute(f"{self._explain} {sql}", values).fetchall()
        return "\n".join(str(row[-1]) for row in rows)


def _is_scan(plan: str, listed: str = "") -> bool:
    """Return whether a statement reads all rows of a table, apart from the one that it lists."""
    rest = (
        re.sub(rf"^SCAN (TABLE )?{listed}$", "", plan, count=1, flags=re.MULTILINE)
        if listed
        else plan
    )
    return bool(re.search(_SCAN, rest, re.MULTILINE))


_SCAN = (
    # SQLite: apart from parameters, and from the rows that other lines of the plan read
    r"^SCAN (?!.*VIRTUAL TABLE|SUBQUERY|\(|(TABLE )?(part_|page|anon_|sent_|denied_)|.*CONSTANT)"
    # PostgreSQL: also the scan of an index without a condition
    r"|Seq Scan on (?!pg_)|Index (Only )?Scan .*\n(?! *Index Cond)"
)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_table_is_scanned(
    kind: str, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(asker: Asker) -> None:
        with asker.engine.begin() as connection:
            for statement in FILL:
                connection.execute(text(statement.format(SERIES[kind])))
            connection.execute(text("ANALYZE"))
        plans = Plans(asker, monkeypatch)
        lists = [(one, None) for one in LISTS if kind == "sqlite"]
        found = dict[str, str]()
        for roles in ((), ("admin",)):
            for request, body in [*REQUESTS, *lists]:
                answer = await asker.ask(request, body, roles=roles)
                assert answer.status_code in {200, 201}, f"{request} {body}: {answer.text}"
                explained, listed = plans.explained(), LISTS.get(request, "")
                assert explained
                found.update(one for one in explained if _is_scan(one[1], listed))
        assert not found, "\n\n".join(f"{sql}\n{plan}" for sql, plan in found.items())

    spec = texts(OWN)
    spec["power.yaml"] = spec["power.yaml"].replace("api: {", "api: {related: [heroes], ")
    run(APP, spec, new_database(kind), check)

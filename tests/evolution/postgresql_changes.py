"""Changes of tables in PostgreSQL: from a live table and a model, as statements that run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import MetaData, NullPool, create_engine

from crudgen.evolution.changes import Changes, DroppedTable, TableChange
from crudgen.evolution.plan import DatabaseSteps, Step
from crudgen.evolution.postgresql import database_steps
from crudgen.kit.database.catalogue import expected_tables, read_tables
from tests.evolution.sqlite_changes import Wish, table_change

MILLION = 1_000_000


class Live:
    """A PostgreSQL database."""

    def __init__(self, url: str) -> None:
        url = url.replace("postgresql:", "postgresql+psycopg:", 1)
        self._engine = create_engine(url, poolclass=NullPool)

    def run(self, *statements: str) -> list[Any]:
        """Run statements, and return the rows of the last one."""
        options: Any = {"isolation_level": "AUTOCOMMIT", "no_parameters": True}
        with self._engine.execution_options(**options).connect() as connection:
            for sql in statements:
                found = connection.exec_driver_sql(sql)
            return [tuple(row) for row in found] if found.returns_rows else []

    def lower(
        self, metadata: MetaData, drops: Sequence[str] = (), rows: int = 10, **wishes: Wish
    ) -> DatabaseSteps:
        """Return the steps to the models, for tables with a number of rows."""
        with self._engine.connect() as connection:
            tables = metadata.sorted_tables
            expected = expected_tables(connection, tables)
            names = {one.name: wishes.get(one.name, Wish()).was or one.name for one in tables}
            found = read_tables(connection, [*names.values(), *drops])
            changes = []
            for table in tables:
                live, wish = found.get(names[table.name]), wishes.get(table.name, Wish())
                wanted = expected[table.name]
                if live is None:
                    changes.append(TableChange(table, wanted))
                else:
                    change = table_change(table, wanted, live, wish, connection)
                    invalid = [
                        str(one.name)
                        for one in live.foreign_keys
                        if not one.is_valid
                        and one.name in {key.name for key in wanted.foreign_keys}
                    ]
                    changes.append(replace(change, rows=rows, unvalidated=tuple(invalid)))
            dropped = tuple(DroppedTable(found[name]) for name in drops)
            return database_steps(Changes(tuple(changes), dropped), connection)

    def apply(
        self, metadata: MetaData, drops: Sequence[str] = (), rows: int = 10, **wishes: Wish
    ) -> DatabaseSteps:
        """Run the steps to the models as `apply` does."""
        lowered = self.lower(metadata, drops, rows, **wishes)
        assert lowered.problems == ()
        inside = [step for step in lowered.steps if not step.online]
        self.run("BEGIN", *statements(inside), "COMMIT")
        self.run_online(lowered)
        return lowered

    def run_online(self, lowered: DatabaseSteps) -> None:
        for step in lowered.steps:
            if step.online:
                self.run(*step.sql)

    def is_current(self, metadata: MetaData, **wishes: Wish) -> bool:
        """Return whether no step is left."""
        return not self.lower(metadata, (), 10, **wishes).steps


def statements(steps: Sequence[Step]) -> list[str]:
    return [sql for step in steps for sql in step.sql]

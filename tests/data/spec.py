"""Specs whose tables are dumped and loaded, without a process for each command."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crudgen.codegen import render
from crudgen.data import reading
from crudgen.data.dump_contents import dumped_tables
from crudgen.data.dumping import Dump, read_counts
from crudgen.data.entity_rows import EntityRows
from crudgen.data.forms import COMMA, form_of
from crudgen.data.head import head_of
from crudgen.data.imported_file import opened_rows
from crudgen.data.importing import Import, Imported
from crudgen.data.loading import Destination, load_dump
from crudgen.data.rejected_rows import rejected_rows
from crudgen.delivery.models import imported_models
from crudgen.evolution.applying import Target
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import hints
from crudgen.language import Schema, load_texts
from tests.data.rows import RandomRows


@dataclass(frozen=True)
class Spec:
    """The tables of a spec."""

    schema: Schema
    target: Target
    import_module: Callable[[str], Any]

    def dump(self, database: Database, out: Path, *, secrets: bool = True) -> bytes:
        tables = dumped_tables(self.target.metadata, self.schema, secrets=secrets)
        with database.read_only_connection() as connection:
            head = head_of(tables, read_counts(connection, tables), secrets=secrets)
            form = form_of(out, None)
            Dump(connection, tables, head).write(out, io.BytesIO(), form, ignore)
        return out.read_bytes()

    def load(self, database: Database, file: Path, *, is_dry_run: bool = False) -> dict[str, int]:
        tables = dumped_tables(self.target.metadata, self.schema, secrets=True)
        with reading.opened_dump(file, form_of(file, None), io.BytesIO()) as dump:
            into = Destination(database, self.target, is_dry_run)
            return load_dump(into, tables, dump, ignore)

    def load_rows(
        self,
        database: Database,
        entity: str,
        file: Path,
        *,
        skip: bool = False,
        rejected: Path | None = None,
        is_dry_run: bool = False,
        delimiter: str = COMMA,
    ) -> Imported:
        chosen = next(one for one in self.schema.entities if one.name == entity)
        rows = EntityRows(self.import_module, chosen)
        with (
            opened_rows(file, form_of(file, None), io.BytesIO(), rows.columns, delimiter) as found,
            rejected_rows(rejected, found) as reject,
            Destination(database, self.target, is_dry_run).opened() as connection,
        ):
            imported = Import(connection, rows, found, reject if skip else None).run(ignore)
        assert rows.ignored <= {"id", "made", "length"}
        return imported

    def fill(self, database: Database, special: Mapping[str, Any], count: int) -> None:
        with Destination(database, self.target).opened() as connection:
            RandomRows(self.target.metadata, dict(special)).fill(connection, count)


def ignore(number: int) -> None:
    """Report nothing."""
    assert number > 0


@contextmanager
def opened(texts: Mapping[str, str]) -> Iterator[Spec]:
    """Import the models of a spec."""
    entities = {name: text for name, text in texts.items() if name != "crudgen.yaml"}
    schema = load_texts(entities, texts.get("crudgen.yaml"))
    with imported_models(render(schema), "sqlite://") as models:
        yield Spec(schema, Target(models.metadata, hints(schema)), models.import_module)


def texts_of(folder: Path) -> dict[str, str]:
    files = [*folder.rglob("*.yaml")]
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def lines(*records: Mapping[str, Any]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)

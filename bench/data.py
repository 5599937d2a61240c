"""Data for the contenders: all have the same rows."""

import importlib
import sqlite3
import subprocess
from pathlib import Path

import psycopg

ROWS = 100_000


def create_tables(entities: Path, url: str) -> None:
    """Create the tables of a folder of entities as crudgen does."""
    from sqlalchemy import create_engine  # noqa: PLC0415 -- lazy

    import crudgen  # noqa: PLC0415

    package = crudgen.import_app(entities)
    importlib.import_module(f"{package.__name__}.api")
    metadata = importlib.import_module(f"{package.__name__}.kit.models").Model.metadata
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()


def fill(url: str, rows: int = ROWS) -> None:
    """Create the table of heroes as crudgen does, and insert rows."""
    create_tables(Path(__file__).parents[1] / "entities", url)
    columns = "name, age, secret_name"
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executemany(
                f"INSERT INTO hero ({columns}) VALUES (?, ?, ?)",
                ((f"hero {n}", n % 100, f"secret {n}") for n in range(1, rows + 1)),
            )
        connection.close()
        return
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(
            f"INSERT INTO hero ({columns}) SELECT 'hero ' || n, n % 100, 'secret ' || n"
            f" FROM generate_series(1, {rows}) n"
        )
        server.execute("VACUUM ANALYZE hero")


_POCKETBASE_MIGRATION = """
migrate((app) => {
  app.save(new Collection({
    type: "base", name: "heroes",
    listRule: "", viewRule: "", createRule: "", updateRule: "", deleteRule: "",
    fields: [
      {name: "name", type: "text", required: true},
      {name: "age", type: "number"},
      {name: "secret_name", type: "text", hidden: true},
    ],
    indexes: ["CREATE INDEX ix_heroes_name ON heroes (name)",
              "CREATE INDEX ix_heroes_age ON heroes (age)"],
  }))
})
"""
_POCKETBASE_HOOK = """
// PocketBase's default, synchronous = NORMAL, may lose acknowledged writes on power loss.
onServe((e) => {
  $app.nonconcurrentDB().newQuery("PRAGMA synchronous = FULL").execute()
  e.next()
})
"""


def fill_pocketbase(folder: Path, rows: int = ROWS) -> None:
    """Create PocketBase's collection of heroes, and insert rows."""
    migrate_pocketbase(folder, _POCKETBASE_MIGRATION)
    with sqlite3.connect(folder / "data.db") as connection:
        connection.executemany(
            "INSERT INTO heroes (id, name, age, secret_name) VALUES (?, ?, ?, ?)",
            ((f"{n:015}", f"hero {n}", n % 100, f"secret {n}") for n in range(1, rows + 1)),
        )
    connection.close()


def migrate_pocketbase(folder: Path, migration: str) -> None:
    """Create PocketBase's collections by a migration, with durable writes."""
    for name, text in (
        ("pb_migrations/1_collections.js", migration),
        ("pb_hooks/durable.pb.js", _POCKETBASE_HOOK),
    ):
        file = folder.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    subprocess.run(
        ["pocketbase", "migrate", "up", f"--dir={folder}"], check=True, capture_output=True
    )

"""A project whose tables change by revisions, as a developer would write them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from crudgen.codegen import render
from crudgen.evolution.connecting import Database
from crudgen.kit.database.migrations import differences
from crudgen.language import load_texts
from crudgen.language.schema import KitForm
from tests.codegen.emitted import write
from tests.evolution.changed import Changed, Spec
from tests.startup.started import application
from tests.support import forked

KINDS = ["sqlite", "postgresql"]
NewDatabase = Callable[[str], str]

TEAM = "name: Team\nfields: {name: str(1..50) unique}\n"
HERO = """
name: Hero
fields:
  title: str(1..120) index
  age: int(0..)
  team_id: -> Team? cascade
"""
SCHEMA = replace(load_texts({"team.yaml": TEAM, "hero.yaml": HERO}), migrations=True)
MODELS = Spec(SCHEMA, application(SCHEMA).metadata)

FIRST = '''
"""first."""

from migrations.steps import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    run(
        sqlite=[
            """
            CREATE TABLE team (
                name VARCHAR NOT NULL,
                id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                CONSTRAINT ck_team_name_length CHECK (length(name) BETWEEN 1 AND 50),
                CONSTRAINT uq_team_name UNIQUE (name)
            )
            """,
            """
            CREATE TABLE hero (
                name VARCHAR NOT NULL,
                age BIGINT,
                code VARCHAR,
                team_id BIGINT,
                id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                CONSTRAINT ck_hero_name_length CHECK (length(name) BETWEEN 1 AND 80),
                CONSTRAINT fk_hero_team_id FOREIGN KEY (team_id) REFERENCES team (id)
                    ON DELETE CASCADE
            )
            """,
            "CREATE INDEX ix_hero_team_id_id ON hero (team_id, id)",
            "CREATE INDEX ix_hero_name ON hero (name)",
        ],
        postgresql=[
            """
            CREATE TABLE team (
                name VARCHAR COLLATE "C" NOT NULL,
                id BIGSERIAL NOT NULL,
                CONSTRAINT pk_team PRIMARY KEY (id),
                CONSTRAINT ck_team_name_length CHECK (length(name) BETWEEN 1 AND 50),
                CONSTRAINT uq_team_name UNIQUE (name)
            )
            """,
            """
            CREATE TABLE hero (
                name VARCHAR COLLATE "C" NOT NULL,
                age BIGINT,
                code VARCHAR COLLATE "C",
                team_id BIGINT,
                id BIGSERIAL NOT NULL,
                CONSTRAINT pk_hero PRIMARY KEY (id),
                CONSTRAINT ck_hero_name_length CHECK (length(name) BETWEEN 1 AND 80),
                CONSTRAINT fk_hero_team_id FOREIGN KEY (team_id) REFERENCES team (id)
                    ON DELETE CASCADE
            )
            """,
            "CREATE INDEX ix_hero_team_id_id ON hero (team_id, id)",
            "CREATE INDEX ix_hero_name ON hero (name)",
        ],
    )


def downgrade() -> None:
    raise NotImplementedError("write a revision that undoes it")
'''
SECOND = '''
"""hero: title was name, age is required."""

from migrations.steps import in_the_way, rebuild, run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    in_the_way(
        "hero.age: it is less than 0",
        sqlite="SELECT * FROM hero WHERE NOT age >= 0",
        postgresql="SELECT * FROM hero WHERE NOT age >= 0",
    )
    run(
        sqlite=[
            "DROP INDEX ix_hero_name",
            "ALTER TABLE hero RENAME COLUMN name TO title",
            rebuild(
                "hero",
                """(
                    title VARCHAR NOT NULL,
                    age BIGINT NOT NULL,
                    team_id BIGINT,
                    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                    CONSTRAINT ck_hero_title_length CHECK (length(title) BETWEEN 1 AND 120),
                    CONSTRAINT ck_hero_age_range CHECK (age >= 0),
                    CONSTRAINT fk_hero_team_id FOREIGN KEY (team_id) REFERENCES team (id)
                        ON DELETE CASCADE
                )""",
                {
                    "title": "title",
                    "age": "coalesce(age, 0)",
                    "team_id": "team_id",
                    "id": "id",
                },
                dropped=["code"],
            ),
            "CREATE INDEX ix_hero_title ON hero (title)",
        ],
        postgresql=[
            "DROP INDEX ix_hero_name",
            "ALTER TABLE hero RENAME COLUMN name TO title",
            "ALTER TABLE hero DROP COLUMN code",
            "UPDATE hero SET age = 0 WHERE age IS NULL",
            """
            ALTER TABLE hero
                ALTER COLUMN age SET NOT NULL,
                DROP CONSTRAINT ck_hero_name_length,
                ADD CONSTRAINT ck_hero_title_length CHECK (length(title) BETWEEN 1 AND 120),
                ADD CONSTRAINT ck_hero_age_range CHECK (age >= 0)
            """,
        ],
    )


def downgrade() -> None:
    raise NotImplementedError("write a revision that undoes it")
'''
THIRD = '''
"""hero: index title (in the background)."""

from migrations.steps import in_background

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    in_background(
        postgresql=[
            "DROP INDEX CONCURRENTLY IF EXISTS ix_hero_title",
            "CREATE INDEX CONCURRENTLY ix_hero_title ON hero (title)",
        ],
    )


def downgrade() -> None:
    raise NotImplementedError("write a revision that undoes it")
'''
REVISIONS = {"0001_first.py": FIRST, "0002_title.py": SECOND, "0003_index.py": THIRD}


@dataclass(frozen=True)
class Project:
    """An emitted project in a folder of its own."""

    folder: Path

    def revise(self, name: str, text: str) -> None:
        """Write a revision."""
        folder = self.folder / "migrations" / "versions"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text.lstrip("\n"))

    def run(self, url: str, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m` with a command, where crudgen cannot be imported."""
        module, *arguments = command
        environment = self.environment(url, **variables)
        return forked.run(module, *arguments, folder=self.folder, environment=environment)

    def upgrade(self, url: str, to: str = "head", **variables: str) -> None:
        """Run revisions. Fails with their output if they do."""
        done = self.run(url, "alembic", "upgrade", to, **variables)
        assert done.returncode == 0, done.stdout + done.stderr

    def environment(self, url: str, **variables: str) -> Mapping[str, str]:
        return {**os.environ, "DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1", **variables}


def project(
    folder: Path, revisions: Mapping[str, str] = REVISIONS, kit: KitForm = KitForm.VENDORED
) -> Project:
    """Write a project with revisions."""
    shutil.rmtree(folder, ignore_errors=True)
    found = Project(write(render(replace(SCHEMA, kit=kit)), folder))
    for name, text in revisions.items():
        found.revise(name, text)
    return found


def database(url: str) -> Changed:
    return Changed(Database(url))


def old_tables(emitted: Project, url: str) -> Changed:
    """Run the first revision, and insert rows. The last one is deleted: its key was used."""
    emitted.upgrade(url, "0001")
    found = database(url)
    found.execute("INSERT INTO team (name) VALUES ('one'), ('two')")
    found.execute(
        "INSERT INTO hero (name, age, code, team_id) VALUES"
        " ('h1', 1, 'c', 2), ('h2', NULL, 'c', 1), ('h3', 3, 'c', 2), ('h4', 4, 'c', 1),"
        " ('h5', 5, 'c', 2)"
    )
    found.execute("DELETE FROM hero WHERE id = 5")
    return found


def missing(found: Changed) -> list[str]:
    with found.database.read_only_connection() as connection:
        return differences(connection, MODELS.metadata)

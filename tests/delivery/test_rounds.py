"""Rounds of edits, changed specs and new versions of crudgen: no edit is lost, none comes back.

`ROUNDS=160` runs 160 rounds.
"""

import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

import crudgen
from crudgen.codegen.tree import Ownership, SourceFile, SourceTree
from crudgen.delivery.comparing import Choices
from crudgen.delivery.disk import plan, write
from crudgen.delivery.merging import Side, resolve
from crudgen.delivery.plan import Action, Plan
from crudgen.errors import OutputError
from tests.support.editing import edited

ROUNDS = int(os.environ.get("ROUNDS", "5"))
ROUNDS_PER_PROJECT = 20
NAMES = ("Hero", "Team", "Power", "Villain", "Mission")
FIELDS = ("name: str(1..80)", "age: int?", "price: decimal(10,2)?", "born_on: date?", "note: text?")


class Project:
    """An emitted project, its spec, and the edits of its owner."""

    def __init__(self, folder: Path, chosen: Random) -> None:
        self.chosen = chosen
        self.entities, self.out = folder / "entities", folder / "out"
        self.specs: dict[str, tuple[str, list[str]]] = {}
        """The name and fields of the entity of each table."""
        self.was: dict[str, str] = {}
        """The former name of each table that got another one."""
        self.version = 0
        self.edits = 0
        self.add()
        self.add()

    def add(self) -> None:
        taken = {name for name, _ in self.specs.values()} | {*self.specs}
        if free := [name for name in NAMES if not {name, name.lower()} & taken]:
            name = self.chosen.choice(free)
            self.specs[name.lower()] = (name, [FIELDS[0]])

    def respec(self) -> None:
        """Change the spec, or update crudgen."""
        table = self.chosen.choice([*self.specs])
        name, fields = self.specs[table]
        match self.chosen.choice(["add", "field", "field", "rename", "table", "remove", "update"]):
            case "add":
                self.add()
            case "field":
                fields = self.chosen.sample(FIELDS, self.chosen.randint(1, 5))
                self.specs[table] = (name, sorted(fields, key=FIELDS.index))
            case "rename":
                self.specs[table] = (f"{name}Of{self.chosen.choice('ABCD')}", fields)
            case "table":
                new = f"{table}_{len(self.was)}"
                # A former name can be that of one table only.
                self.was = {now: was for now, was in self.was.items() if was != table}
                self.was[new] = table
                self.specs[new] = self.specs.pop(table)
                self.specs[new] = (f"{name}In{self.chosen.choice('ABCD')}", fields)
            case "remove" if len(self.specs) > 1:
                del self.specs[table]
            case _:
                self.version += 1

    def tree(self) -> SourceTree:
        self.entities.mkdir(parents=True, exist_ok=True)
        for file in self.entities.iterdir():
            file.unlink()
        for table, (name, fields) in self.specs.items():
            lines = "".join(f"  {line}\n" for line in fields)
            was = f"was: {self.was[table]}\n" if table in self.was else ""
            spec = f"name: {name}\ntable: {table}\n{was}fields:\n{lines}"
            (self.entities / f"{name}.yaml").write_text(spec)
        files = crudgen.render(crudgen.load(self.entities)).files
        return SourceTree(map(self._updated, files))

    def _updated(self, file: SourceFile) -> SourceFile:
        """Return what the current version of crudgen generates for a file."""
        text = file.text
        for version in range(self.version):
            chosen = Random(f"{file.path} {version}")  # noqa: S311 -- no secret
            if chosen.random() < 0.1 and file.path.endswith(".py"):
                text = edited(text, f"version {version}", chosen)
        return SourceFile(
            file.path, text, file.ownership, part=file.part, former_parts=file.former_parts
        )

    def edit(self, tree: SourceTree) -> None:
        """Edit some generated files; more of those that a spec changes than of the kit."""
        own = {file.path for file in tree.files if file.ownership is Ownership.GENERATED}
        paths = sorted(path for path in own if path.endswith(".py") and (self.out / path).exists())
        likely = [path for path in paths if "kit" not in path]
        for path in {*self.chosen.sample(likely, 2), self.chosen.choice(paths)}:
            self.edits += 1
            file = self.out / path
            text = edited(file.read_text("utf-8"), f"mine {self.edits}", self.chosen)
            file.write_text(text, "utf-8")

    def own_lines(self) -> Counter[str]:
        """Return the lines of the owner in the folder, and how often they are there."""
        files = (file for file in self.out.rglob("*.py") if file.is_file())
        lines = (line for file in files for line in file.read_text("utf-8").split("\n"))
        return Counter(line.rstrip() for line in lines if "# mine" in line)


def lines_once(text: str) -> set[str]:
    return {line for line, times in Counter(text.split("\n")).items() if times == 1}


def lines_that_came_back(tree: SourceTree, done: Plan) -> set[str]:
    """Return lines that are generated as before, that the owner removed, and that are back."""
    found = set()
    for change in done.with_action(Action.EDITED, Action.MERGE):
        base = done.record.files[change.source or change.path].base
        assert base is not None
        assert change.before is not None
        assert change.after is not None
        generated = lines_once(base) & lines_once(tree[change.path])
        removed = generated - {*change.before.decode().split("\n")}
        found |= removed & {*change.after.decode().split("\n")}
    return found


@pytest.mark.parametrize("seed", range(-(-ROUNDS // ROUNDS_PER_PROJECT)))
def test_no_edit_is_lost_and_none_comes_back(tmp_path: Path, seed: int) -> None:
    project = Project(tmp_path, Random(seed))  # noqa: S311 -- no secret
    tree = project.tree()
    write(tree, project.out)
    counts: Counter[str] = Counter()
    for _ in range(min(ROUNDS, ROUNDS_PER_PROJECT)):
        project.edit(tree)
        before = project.own_lines()
        project.respec()
        tree = project.tree()
        done = write(tree, project.out)
        after = project.own_lines()
        assert not before - after
        assert not lines_that_came_back(tree, done)
        counts.update(str(change.action) for change in done.changes)
        counts["moved"] += sum(bool(change.source) for change in done.changes)
        if done.conflicts:
            with pytest.raises(OutputError, match="not resolved"):
                write(tree, project.out)
        for change in done.conflicts:
            assert change.after is not None
            text = resolve(change.after.decode(), Side.YOURS)
            assert text is not None
            (project.out / change.path).write_text(text, "utf-8")
        again = write(tree, project.out, Choices())
        assert not [change.path for change in again.changes if change.is_written]
        assert plan(tree, project.out, Choices(prune=True)).refused == ()
        assert not before - project.own_lines()
    print(f"{project.edits} edited files, {dict(counts)}")  # noqa: T201
    if ROUNDS >= ROUNDS_PER_PROJECT:
        assert counts["merge"] > 1
        assert counts["conflict"] > 1
        assert counts["moved"] > 1

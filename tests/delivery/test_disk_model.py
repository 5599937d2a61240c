"""Any sequence of emits, edits, removals and prunes does what a model of twelve lines does."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crudgen.codegen.tree import Ownership, SourceFile, SourceTree
from crudgen.delivery.disk import RECORD, Action, plan, write
from crudgen.errors import OutputError

GENERATED = ("app/api.py", "app/a/models.py", "app/b/models.py", "z.py")
ONCE = "app/main.py"
PATHS = strategies.sampled_from((*GENERATED, ONCE))
TEXTS = strategies.sampled_from(("one\n", "two\n", ""))


class Disk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.out = self.root / "out"
        self.files: dict[str, str] = {}
        self.written: dict[str, str] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @rule(path=PATHS, text=strategies.one_of(TEXTS, strategies.just("mine\n")))
    def edit(self, path: str, text: str) -> None:
        file = self.out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.files[path] = text

    @rule(path=PATHS)
    def remove(self, path: str) -> None:
        (self.out / path).unlink(missing_ok=True)
        self.files.pop(path, None)

    @rule(
        texts=strategies.dictionaries(strategies.sampled_from(GENERATED), TEXTS),
        once=TEXTS,
        force=strategies.booleans(),
        prune=strategies.booleans(),
    )
    def emit(self, texts: dict[str, str], once: str, *, force: bool, prune: bool) -> None:
        tree = SourceTree(
            [
                *(SourceFile(path, text) for path, text in texts.items()),
                SourceFile(ONCE, once, Ownership.ONCE),
            ]
        )
        edited = {
            path
            for path, text in texts.items()
            if path in self.files and self.files[path] not in (text, self.written.get(path))
        }
        assert set(plan(tree, self.out).paths_with(Action.EDITED)) == edited
        try:
            write(tree, self.out, force=force, prune=prune)
        except OutputError:
            assert edited
            assert not force
            return
        assert force or not edited
        for path in [path for path in self.written if path not in texts]:
            theirs = self.files.get(path) != self.written[path]
            if path not in self.files or (prune and (force or not theirs)):
                self.files.pop(path, None)
                del self.written[path]
        self.written |= texts
        self.files |= texts
        self.files.setdefault(ONCE, once)

    @invariant()
    def the_folder_is_what_the_model_says(self) -> None:
        found = {
            path.relative_to(self.out).as_posix(): path.read_text()
            for path in self.out.rglob("*")
            if path.is_file() and path.name != RECORD
        }
        assert found == self.files


TestDisk = Disk.TestCase
TestDisk.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)

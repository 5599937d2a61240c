"""Any sequence of emits, edits, removals and prunes does what a model of thirty lines does."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crudgen.codegen.tree import Ownership, SourceFile, SourceTree
from crudgen.delivery.comparing import Choices
from crudgen.delivery.disk import plan, write
from crudgen.delivery.record import RECORD, read_record
from crudgen.errors import OutputError

pytestmark = pytest.mark.long

GENERATED = ("app/api.py", "app/a/models.py", "app/b/models.py", "z.py")
ONCE = "app/main.py"
PATHS = strategies.sampled_from((*GENERATED, ONCE))
TEXTS = strategies.sampled_from(("one\n", "two\n", ""))
CONFLICT = "<<<<<<< yours\n{}||||||| generated before\n{}=======\n{}>>>>>>> generated now\n".format


class Disk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.out = self.root / "out"
        self.files: dict[str, str] = {}
        self.bases: dict[str, str] = {}

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
        files = [SourceFile(path, text) for path, text in texts.items()]
        tree = SourceTree([*files, SourceFile(ONCE, once, Ownership.ONCE)])
        is_emptied = not self.bases.keys() & self.files.keys()
        expected, bases = dict(self.files), dict(texts)
        expected.setdefault(ONCE, once)
        is_refused = False
        for path, text in texts.items():
            base, yours = self.bases.get(path), self.files.get(path)
            if yours is None and base is not None and not is_emptied and not force:
                bases[path] = base
            elif force or yours in {None, base, text}:
                expected[path] = text
            elif base is None or "<" in str(yours):
                is_refused = True
            elif base != text:
                expected[path] = CONFLICT(yours, base, text)
        for path in self.bases.keys() - texts.keys() & self.files.keys():
            if prune and (force or self.files[path] == self.bases[path]):
                del expected[path]
            else:
                bases[path] = self.bases[path]
        choices = Choices(force=force, prune=prune)
        assert bool(plan(tree, self.out, choices).refused) == is_refused
        if is_refused:
            with pytest.raises(OutputError):
                write(tree, self.out, choices)
        else:
            write(tree, self.out, choices)
            self.files, self.bases = expected, bases

    @invariant()
    def the_folder_is_what_the_model_says(self) -> None:
        found = {
            path.relative_to(self.out).as_posix(): path.read_text()
            for path in self.out.rglob("*")
            if path.is_file() and path.name != RECORD
        }
        assert found == self.files
        record = read_record(self.out).files
        assert {path: entry.base for path, entry in record.items()} == self.bases


TestDisk = Disk.TestCase
TestDisk.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)

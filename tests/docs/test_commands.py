"""Every command on the pages is run, and prints what the page shows.

The blocks of a page are taken in their order, in one shell and one folder:

- In a `console` block, `$ ` begins a command, and what follows is its output. A command without
  output on the page may print anything. A `bash` block has commands alone.
- `...` stands for any text, and as a line of its own for any lines. Reports of what a command waits
  for are left out: they depend on the load of the machine.
- A server runs until the next one starts, or the page ends. A `text` block marked `prints` is what
  it has printed since. A command `Ctrl+C` ends it.
- Marks: `file: PATH` writes the block to a file, `edit: PATH` applies a `diff` block, whose hunks
  are separated by a line `...`, `shows: PATH [NAME]` compares it with a file, or a
  class or function of it, `exits N` is the exit code of a block's last command, `elsewhere: FILE`
  names the file of the repository that runs the command, `run` has commands that are not shown.

`ACCEPT=1 pytest tests/docs` writes the output anew.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.docs import pages, parts
from tests.docs.pages import ROOT, Block
from tests.docs.shell import Shell

SHELL = {"bash", "console", "run"}
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ |# ).*\n)*)", re.MULTILINE)
NEWLINE = "\n"


PAGES = [
    page
    for page in pages.PAGES
    if (page == "README.md" or page.startswith("docs/"))
    and any(block.language in SHELL for block in pages.all_blocks(page))
]
"""Pages with commands. Those of CONTRIBUTING.md run all tests, which is what CI does."""

CASES = [
    *(
        pytest.param(page, False, marks=[pytest.mark.long] * (page != "README.md"))
        for page in PAGES
    ),
    *(
        pytest.param(page, True, marks=pytest.mark.external)
        for page in PAGES
        if "$ curl" in pages.read(page)
    ),
]


@dataclass(frozen=True, slots=True)
class Output:
    """What a page shows that a command printed, and where that begins in the page."""

    text: str
    start: int


def steps(block: Block) -> Iterator[tuple[str, Output]]:
    """Yield each command of a block, with its output."""
    if block.language == "bash":
        yield from ((command, Output("", 0)) for command in pages.commands(block))
        return
    for found in re.finditer(
        r"^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ |# ).*\n)*)", block.text, re.MULTILINE
    ):
        command = found[1].replace("\\\n", " ").strip()
        yield command, Output(found[2], block.start + found.start(2))


def matches(shown: str, found: str) -> bool:
    lines = [
        r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in shown.rstrip("\n").splitlines()
    ]
    return re.fullmatch("".join(lines), f"{found.strip(NEWLINE)}\n") is not None


class Page:
    """A page whose commands are run."""

    def __init__(self, page: str, shell: Shell) -> None:
        self._page = page
        self._shell = shell
        self._changes: list[tuple[Output, str]] = []

    def follow(self) -> None:
        for block in pages.all_blocks(self._page):
            kind, _, argument = block.mark.partition(": ")
            if kind == "file":
                self._shell.write(argument, block.text)
            elif kind == "edit":
                self._edit(block, argument)
            elif kind == "shows":
                self._show(block, argument)
            elif kind == "prints":
                printed = self._shell.printed(partial(matches, block.text))
                self._compare(block, Output(block.text, block.start), printed)
            elif kind == "elsewhere":
                for command in pages.commands(block):
                    assert command in (ROOT / argument).read_text("utf-8")
            elif block.language in SHELL:
                self._run(block)

    def _run(self, block: Block) -> None:
        taken = list(steps(block))
        assert taken, f"{block}: no command"
        for number, (command, shown) in enumerate(taken, 1):
            status, output = self._shell.run(command)
            is_last = number == len(taken)
            wanted = int(block.mark[6:]) if is_last and block.mark.startswith("exits") else 0
            assert status == wanted, f"{block}: {command}: exit code {status}\n{output}"
            if shown.text:
                self._compare(block, shown, output)

    def _edit(self, block: Block, path: str) -> None:
        text = self._shell.read(path)
        for hunk in block.text.split("...\n"):
            lines = [(line[:1], line[1:]) for line in hunk.splitlines(keepends=True)]
            before = "".join(line for sign, line in lines if sign != "+")
            after = "".join(line for sign, line in lines if sign != "-")
            assert text.count(before) == 1, f"{block}: not once in {path}:\n{before}"
            text = text.replace(before, after)
        self._shell.write(path, text)

    def _show(self, block: Block, argument: str) -> None:
        path, _, name = argument.partition(" ")
        text = self._shell.read(path)
        found = parts.definition(text, name) if name else text
        self._compare(block, Output(block.text, block.start), found)

    def _compare(self, block: Block, shown: Output, found: str) -> None:
        if not matches(shown.text, found):
            found = f"{found.strip(NEWLINE)}\n"
            assert os.environ.get("ACCEPT"), f"{block}\nshown:\n{shown.text}\nfound:\n{found}"
            self._changes.append((shown, found))

    def accept(self) -> None:
        """Write what was found into the page, if that differs."""
        if not self._changes:
            return
        text = pages.read(self._page)
        for shown, found in reversed(self._changes):
            end = shown.start + len(shown.text)
            text = text[: shown.start] + found + text[end:]
        (ROOT / self._page).write_text(text, "utf-8")


@pytest.mark.parametrize(("page", "real_curl"), CASES)
def test_the_commands_do_what_the_page_shows(
    page: str, real_curl: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def new_database() -> str:
        create: Callable[[str], str] = request.getfixturevalue("new_database")
        return create("postgresql")

    programs = tmp_path / "programs"
    programs.mkdir()
    if not real_curl:
        (programs / "curl").write_text(f'#!/bin/sh\nexec {sys.executable} {CURL} "$@"\n')
        (programs / "curl").chmod(0o755)
    environment = {}
    if "mypy" in pages.read(page):
        environment["MYPY_CACHE_DIR"] = str(request.getfixturevalue("mypy_cache"))
    with Shell(tmp_path, new_database, (programs,), environment) as shell:
        followed = Page(page, shell)
        try:
            followed.follow()
        finally:
            followed.accept()


CURL = Path(__file__).with_name("curl.py")


@pytest.mark.parametrize(
    ("shown", "found", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a ... c\n", "a b c\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\n", "a\n", True),
        ("a\n", "a\nb\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_dots_stand_for_any_text(shown: str, found: str, same: bool) -> None:
    assert matches(shown, found) is same


LANGUAGES = {
    *SHELL,
    *("diff", "dotenv", "haproxy", "ini", "jinja", "json", "nginx", "python", "sql", "text"),
    *("ts", "tsx"),
}


@pytest.mark.parametrize("page", pages.PAGES)
def test_no_block_escapes(page: str) -> None:
    """A block that is indented, or in a language such as `sh`, would not be run."""
    found = [block for block in pages.all_blocks(page) if block.language != "run"]
    assert {block.language for block in found} <= {*LANGUAGES, "yaml"}
    fences = re.findall(r"^\s*(?:```|~~~)", pages.read(page), re.MULTILINE)
    assert len(fences) == 2 * len(found)
    for block in found:
        kind = block.mark.partition(":")[0]
        assert kind != "edit" or block.language == "diff", block
        assert kind != "prints" or block.language == "text", block

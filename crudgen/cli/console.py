"""Prints to the terminal, in color if it supports color. Reason to change: the style of output."""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator

from crudgen.errors import Diagnostic, SpecError

_PAGE_WIDTH = 100
_MAX_LINES = 20
"""Maximum number of files in a list."""


def say(text: str = "", style: str = "") -> None:
    """Print to standard output."""
    _print((text, style), stderr=False)


def say_parts(*parts: tuple[str, str]) -> None:
    """Print parts of a line, each with its style, to standard output."""
    _print(*parts, stderr=False)


def say_error(text: str, style: str = "") -> None:
    """Print to standard error."""
    _print((text, style), stderr=True)


def wait_reporter(*, as_json: bool) -> Callable[[str], None]:
    """Return a function that prints what a command waits for; with `--json`, it prints nothing."""
    return (lambda _text: None) if as_json else say_error


def width() -> int:
    """Return the width of the terminal, or of a page if the output is no terminal."""
    if not sys.stdout.isatty():
        return _PAGE_WIDTH
    return shutil.get_terminal_size().columns


def print_table(rows: list[tuple[str, str]]) -> None:
    """Print pairs of name and value in two columns."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        _print((f"  {name:{width}}  ", "dim"), (value, ""), stderr=False)


def print_error(problem: Exception) -> None:
    """Print an error to standard error, with every diagnostic of a SpecError."""
    if isinstance(problem, SpecError):
        for number, diagnostic in enumerate(problem.diagnostics):
            if number:
                say_error("")
            _print(*_styled_parts(diagnostic), stderr=True)
        return
    head, newline, rest = str(problem).partition("\n")
    _print(("error: ", "bold red"), (head + newline + rest, ""), stderr=True)


def limited_lines(lines: Iterable[str]) -> list[str]:
    """Return the first lines of a list of files, and how many more there are."""
    found = list(lines)
    more = [f"  … and {len(found) - _MAX_LINES} more"] if len(found) > _MAX_LINES else []
    return [*found[:_MAX_LINES], *more]


def print_diff(text: str) -> None:
    """Print a unified diff to standard output."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    parts = [(line, styles.get(line[:1], "")) for line in text.splitlines(keepends=True)]
    _print(*parts, stderr=False, end="")


def _styled_parts(diagnostic: Diagnostic) -> Iterator[tuple[str, str]]:
    """Yield the parts of a diagnostic, each with its style."""
    head, *rest = str(diagnostic).split("\n")
    yield diagnostic.location, "bold"
    yield head.removeprefix(diagnostic.location), "red"
    for number, line in enumerate(rest):
        yield f"\n{line}", "" if number == 0 and diagnostic.line else "yellow"


def _print(*parts: tuple[str, str], stderr: bool, end: str = "\n") -> None:
    from rich.console import Console  # noqa: PLC0415 -- lazy: slow to import
    from rich.text import Text  # noqa: PLC0415 -- lazy

    text = Text()
    for part, style in parts:
        text.append(_escape_control_characters(part), style)
    # No markup and no wrapping: print the text unchanged, also to a pipe.
    Console(stderr=stderr, markup=False, highlight=False, emoji=False).print(
        text, soft_wrap=True, end=end
    )


def _escape_control_characters(text: str) -> str:
    """Return a text with escaped control characters: a terminal would execute them."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text
    )

"""Random edits of generated code, which leave a module that can be parsed."""

import ast
from itertools import count
from random import Random


def edited(text: str, word: str, chosen: Random, *, edits: int = 3) -> str:
    """Return a text with up to `edits` edits: lines are added, changed and removed.

    Each line that is new contains the word.
    """
    for attempt in count():
        lines = text.split("\n")
        for number in range(chosen.randint(1, edits)):
            _edit(lines, f"{word} {number}.", chosen)
        result = "\n".join(lines)
        if _is_parsed(result) or attempt == 50:
            return result
    raise AssertionError


def _edit(lines: list[str], word: str, chosen: Random) -> None:
    at = chosen.randrange(len(lines) or 1)
    size = chosen.randint(1, 6)
    match chosen.choice(["add", "change", "remove"]):
        case "add":
            lines[at:at] = [f"# {word}{line}" for line in range(size)]
        case "change":
            lines[at : at + size] = [f"{one}  # {word}0" for one in lines[at : at + size]]
        case "remove":
            del lines[at : at + size]


def _is_parsed(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True

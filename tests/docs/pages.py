"""The pages of the documentation: their blocks of code, and the parts that are made from the code.

A part between `<!-- generated: NAME ARGUMENT -->` and `<!-- /generated -->` is what `parts`
prints for that name. `ACCEPT=1 pytest tests/docs` writes it anew.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")),
)

GENERATED = re.compile(
    r"(?P<open><!-- generated: (?P<name>[a-z-]+)(?: (?P<argument>[^>]+?))? -->\n)"
    r"(?P<text>.*?)(?P<close><!-- /generated -->)",
    re.DOTALL,
)
_MARKS = r"wrong|runs|prints|exits \d+|file: \S+|edit: \S+|shows: [^>]+?|elsewhere: \S+"
_FENCE = re.compile(
    rf"(?:^<!-- (?P<mark>{_MARKS}) -->\n\n?)?^```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"|^<!-- run\n(?P<unseen>.*?)^-->$",
    re.DOTALL | re.MULTILINE,
)
_HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"(?<!`)`(?P<code>[^`\n]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, or commands that a page does not show: a comment that begins with `run`.

    The mark is a comment above the block: `wrong` for YAML that is refused with the text of the
    `following` block, `runs` for Python; the others are for `test_commands.py`.
    """

    page: str
    line: int
    language: str
    mark: str
    text: str
    following: str = ""
    start: int = 0
    """Where the text begins in the page."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(*languages: str, mark: str | None = None) -> list[Block]:
    found = [block for page in PAGES for block in _blocks(page)]
    return [
        block
        for block in found
        if block.language in languages and (mark is None or block.mark == mark)
    ]


def blocks_of(page: str, language: str) -> list[Block]:
    """Return the blocks of one page and language, in their order."""
    return [block for block in _blocks(page) if block.language == language]


def all_blocks(page: str) -> list[Block]:
    """Return every block of a page, in their order; those that are not shown are of `run`."""
    return list(_blocks(page))


def _blocks(page: str) -> Iterator[Block]:
    text = read(page)
    fences = list(_FENCE.finditer(text))
    for fence, following in zip_longest(fences, fences[1:]):
        group = "text" if fence["unseen"] is None else "unseen"
        yield Block(
            page,
            text.count("\n", 0, fence.start()) + 1,
            fence["language"] or "run",
            fence["mark"] or "",
            fence[group],
            (following["text"] or "") if following else "",
            fence.start(group),
        )


def prose(page: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", read(page))


def links(page: str) -> list[str]:
    return [match["target"] for match in _LINK.finditer(prose(page))]


def inline_code(page: str) -> list[str]:
    return [match["code"] for match in _CODE.finditer(prose(page))]


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as they are made where Markdown is shown."""
    titles = [match["title"].lower() for match in _HEADING.finditer(prose(page))]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def commands(block: Block) -> Iterator[str]:
    """Yield the commands of a console block (after `$ `), or of a shell block (every line)."""
    text = block.text.replace("\\\n", " ")
    for line in text.splitlines():
        if block.language == "console":
            if line.startswith("$ "):
                yield line.removeprefix("$ ")
        elif line and not line.startswith("#"):
            yield line

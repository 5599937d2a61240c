"""The text of revision files. Reason to change: how a revision is written."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from crudgen.codegen.literals import docstring_literal, text_literal
from crudgen.evolution.plan import Copy

from .draft import Draft, Guard
from .history import History

LONGEST = 32
"""The number of characters that Alembic stores of the name of a revision."""
_ONLINE = "online"
_FILLERS = {
    "a",
    "an",
    "and",
    "as",
    "at",
    "by",
    "for",
    "from",
    "in",
    "of",
    "on",
    "the",
    "to",
    "with",
}
"""Words that names of revisions omit."""
_STRING_OR_LINE = re.compile(r"'(?:[^']|'')*'|[ \t]*\n\t*")
_FUNCTIONS = ("in_background", "in_the_way", "rebuild", "run")
"""What revisions import of steps.py."""
_DOWNGRADE = """

def downgrade() -> None:
    raise NotImplementedError("write another revision: dropped values cannot be restored")
"""

Source: TypeAlias = "str | _Bracket"


@dataclass(frozen=True, slots=True)
class RevisionFile:
    """A revision file to write."""

    name: str
    """The name of the revision, and of the file without `.py`."""
    text: str


@dataclass(frozen=True, slots=True)
class _Bracket:
    """Source in brackets, with one item per line."""

    head: str
    items: Sequence[Source]
    tail: str


def files(
    message: str,
    history: History,
    draft: Draft,
    after: Mapping[str, str | None],
    changes: Sequence[str],
) -> list[RevisionFile]:
    """Return the files of a draft: one, or two if PostgreSQL does a part after the transaction.

    They follow the heads of the history. `after` has the entities that they change, and `changes`
    says what they do.
    """
    number, heads = history.next_number, history.heads
    title = " ".join(message.split()).rstrip(".")
    name = _revision_name(number, title)
    online = list(_background_call_source(draft.online))
    body = [*map(_guard_call_source, draft.guards), *_run_call_source(draft)]
    # A transaction that changes nothing may be repeated with what follows it.
    follows = bool(draft.online and draft.postgresql)
    docs = "\n".join([f"{title}.", *(["", *(f"- {one}" for one in changes)] if changes else [])])
    made = [_revision_file(docs, name, heads, after, body if follows else [*body, *online])]
    if follows:
        docs = f"{title}: what PostgreSQL does while others read and write."
        made.append(
            _revision_file(docs, _revision_name(number + 1, title, _ONLINE), [name], None, online)
        )
    return made


def _revision_name(number: int, title: str, ending: str = "") -> str:
    """Return a name such as `0002_rename_title`, in ASCII, that Alembic can store."""
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = [one for one in re.findall("[a-z0-9]+", ascii_title) if one not in _FILLERS]
    words = words or ["revision"]
    start, end = f"{number:04}_", f"_{ending}" if ending else ""
    room = LONGEST - len(start) - len(end)
    chosen = words[0][:room]
    for word in words[1:]:
        if len(chosen) + 1 + len(word) > room:
            break
        chosen += f"_{word}"
    return f"{start}{chosen}{end}"


def _revision_file(
    docs: str,
    name: str,
    heads: Sequence[str],
    after: Mapping[str, str | None] | None,
    body: Sequence[_Bracket],
) -> RevisionFile:
    upgrade = "".join(f"    {_lay_out(one, 4)}\n" for one in body) or "    pass\n"
    used = [one for one in _FUNCTIONS if re.search(rf"^ +{one}\($", upgrade, re.MULTILINE)]
    blocks = [docstring_literal(docs, 0)]
    if used:
        blocks.append(f"from migrations.steps import {', '.join(used)}")
    blocks.append(
        f"revision = {text_literal(name)}\ndown_revision = {_down_revision_source(heads)}"
    )
    if after:
        blocks.append(_after_dict_source(after))
    text = "\n\n".join(blocks) + f"\n\n\ndef upgrade() -> None:\n{upgrade}{_DOWNGRADE}"
    return RevisionFile(name, text)


def _down_revision_source(heads: Sequence[str]) -> str:
    names = list(map(text_literal, heads))
    if len(names) > 1:
        return f"({', '.join(names)})"
    return names[0] if names else "None"


def _after_dict_source(after: Mapping[str, str | None]) -> str:
    texts = {
        name: "None" if text is None else _block_literal(f"\n{text}")
        for name, text in after.items()
    }
    items = [f"{text_literal(name)}: {text}" for name, text in texts.items()]
    return _lay_out(_Bracket("AFTER: dict[str, str | None] = {", items, "}"), 0)


def _guard_call_source(guard: Guard) -> _Bracket:
    selects = {"sqlite": guard.sqlite, "postgresql": guard.postgresql}
    keywords = [f"{key}={text_literal(select)}" for key, select in selects.items() if select]
    return _Bracket("in_the_way(", [text_literal(guard.what), *keywords], ")")


def _run_call_source(draft: Draft) -> Iterator[_Bracket]:
    lists: dict[str, list[Source]] = {
        "sqlite": [
            _rebuild_call_source(one) if isinstance(one, Copy) else _sql_literal(one)
            for one in draft.sqlite
        ],
        "postgresql": [_sql_literal(one) for one in draft.postgresql],
    }
    keywords = [_Bracket(f"{key}=[", items, "]") for key, items in lists.items() if items]
    if keywords:
        yield _Bracket("run(", keywords, ")")


def _background_call_source(statements: Iterable[str]) -> Iterator[_Bracket]:
    items = [_sql_literal(one) for one in statements]
    if items:
        yield _Bracket("in_background(", [_Bracket("postgresql=[", items, "]")], ")")


def _rebuild_call_source(copy: Copy) -> _Bracket:
    values = [f"{text_literal(name)}: {text_literal(sql)}" for name, sql in copy.values.items()]
    items: list[Source] = [text_literal(copy.table), _sql_literal(copy.definition)]
    items.append(_Bracket("{", values, "}"))
    if copy.dropped:
        items.append(f"dropped=[{', '.join(map(text_literal, copy.dropped))}]")
    if copy.removed:
        items.append(_Bracket("removed=[", list(map(text_literal, copy.removed)), "]"))
    return _Bracket("rebuild(", items, ")")


def _sql_literal(statement: str) -> str:
    """Return a statement as a literal: one that has several lines as a block."""
    # SQLAlchemy indents by tabs, and leaves spaces at the end of lines.
    text = _STRING_OR_LINE.sub(
        lambda one: one[0] if one[0][0] == "'" else "\n" + " " * 4 * one[0].count("\t"), statement
    )
    return _block_literal(text) if "\n" in text else text_literal(text)


def _block_literal(text: str) -> str:
    """Return text as a string in three quotes, if it can be written so."""
    is_plain = all(line.isprintable() for line in text.split("\n"))
    if '"""' in text or text.endswith(('"', "\\")) or not is_plain:
        return text_literal(text)
    prefix = "r" if "\\" in text else ""
    return f'{prefix}"""{text}"""'


def _lay_out(source: Source, indent: int) -> str:
    if isinstance(source, str):
        return source
    margin = " " * (indent + 4)
    lines = "".join(f"{margin}{_lay_out(item, indent + 4)},\n" for item in source.items)
    return f"{source.head}\n{lines}{' ' * indent}{source.tail}"

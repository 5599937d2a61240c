"""Types and rules in the words of a spec. Reason to change: how they are written there."""

import re

from crudgen.kit.database.catalogue import Check

from .changes import TableChange
from .expressions import text_literal

_TYPES = {
    **dict.fromkeys(["VARCHAR", "CHARACTER VARYING"], "str"),
    **dict.fromkeys(["INTEGER", "BIGINT"], "int"),
    **dict.fromkeys(["FLOAT", "DOUBLE PRECISION"], "float"),
    **dict.fromkeys(["CHAR(32)", "UUID"], "uuid"),
    **dict.fromkeys(["DATETIME", "TIMESTAMP WITH TIME ZONE"], "datetime"),
    **dict.fromkeys(["TIME", "TIME WITHOUT TIME ZONE"], "time"),
    **dict.fromkeys(["TEXT", "JSON"], "json"),
    **dict.fromkeys(["BLOB", "BYTEA"], "bytes"),
    "BOOLEAN": "bool",
    "DATE": "date",
}
"""The types of a spec by those of the catalogues of both databases."""
_STRING = re.compile(r"'(?:[^']|'')*'")
_NUMBER = r"'?-?\d+(?:\.\d+)?'?"
_LIMITS = (
    re.compile(rf"\S+ BETWEEN (?P<low>{_NUMBER}) AND (?P<high>{_NUMBER})"),
    re.compile(rf"(?P<column>\S+) >= (?P<low>{_NUMBER}) AND (?P=column) <= (?P<high>{_NUMBER})"),
    re.compile(rf"\S+ >= (?P<low>{_NUMBER})"),
    re.compile(rf"\S+ <= (?P<high>{_NUMBER})"),
)
"""The conditions of lengths and ranges, without parentheses, casts and functions."""
_CAST = re.compile(r"::\w+( \w+)*|[()]|\blength\b")
_DECIMAL = re.compile(r"(?:DECIMAL_AS_INT|NUMERIC)\((\d+), ?(\d+)\)", re.IGNORECASE)


def spec_type(name: str) -> str:
    """Return the type of a spec for a type of a catalogue; that of the catalogue if none fits."""
    digits = _DECIMAL.fullmatch(name)
    if digits:
        return f"decimal({digits[1]},{digits[2]})"
    return _TYPES.get(name.upper(), name)


def spec_types(found: str, expected: str) -> tuple[str, str]:
    """Return two types of a catalogue as those of a spec, if these differ."""
    words = spec_type(found), spec_type(expected)
    return words if words[0] != words[1] else (found, expected)


def rule_text(check: Check, change: TableChange) -> str:
    """Return a rule in the words of a spec, such as `length 1..80`, or else its SQL."""
    limit = limit_of(check)
    words = _quoted_words(check)
    if limit == "words" and words:
        return f"words {', '.join(words)}"
    span = _limits_text(check, change) if limit in {"length", "range"} else None
    return f"rule {check.sql}" if span is None else f"{limit} {span}"


def rule_change_text(former: Check, check: Check, change: TableChange) -> str:
    """Return what a new rule changes, such as `length 1..80 → 1..120`, `words: + 'glad'`."""
    limit, new = limit_of(check), _quoted_words(check)
    if limit == "words" and new and _quoted_words(former):
        renamed = {
            text_literal(word): text_literal(other)
            for one in change.columns
            for word, other in one.words.items()
        }
        old = [renamed.get(word, word) for word in _quoted_words(former)]
        parts = [f"+ {word}" for word in new if word not in old]
        parts += [f"- {word}" for word in old if word not in new]
        return f"words: {', '.join(parts)}" if parts else f"words {', '.join(new)}"
    spans = _limits_text(former, change), _limits_text(check, change)
    if limit in {"length", "range"} and None not in spans:
        return f"{limit} {spans[0]} → {spans[1]}"
    return f"rule {former.sql} → {check.sql}"


def _limits_text(check: Check, change: TableChange) -> str | None:
    """Return the limits of a rule, such as `1..80`; None if it has another form.

    SQLite stores a decimal as an integer without its point, so its limits are not those of the
    spec.
    """
    columns = [*change.expected.columns, *(change.found.columns if change.found else ())]
    types = {one.type for one in columns if one.name.lower() in check.columns}
    if any(_DECIMAL.fullmatch(one) for one in types):
        return None
    condition = " ".join(_CAST.sub("", check.sql).split())
    for pattern in _LIMITS:
        if found := pattern.fullmatch(condition):
            low, high = (found.groupdict().get(name, "").strip("'") for name in ("low", "high"))
            return f"{low}..{high}"
    return None


def removed_words(change: TableChange, check: Check) -> list[str]:
    """Return the words of the live enum, in quotes, that a new rule does not accept."""
    if not (check.name or "").endswith("_words"):
        return []
    live = change.live_columns
    columns = {live[name].lower() for name in live if name.lower() in check.columns}
    accepted = {
        *_quoted_words(check),
        *(text_literal(word) for one in change.columns for word in one.words),
    }
    old = [one for one in change.old_checks if one.columns == columns]
    return [word for one in old for word in _quoted_words(one) if word not in accepted]


def _quoted_words(check: Check) -> list[str]:
    """Return the words in the rule of an enum, in quotes."""
    return _STRING.findall(check.sql)


def limit_of(check: Check) -> str:
    """Return what a rule of a field limits: length, words or range. Others are `check`."""
    limit = (check.name or "").rpartition("_")[2]
    return limit if limit in {"length", "words", "range"} else "check"

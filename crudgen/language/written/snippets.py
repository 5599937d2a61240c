"""Snippets of fields in the short form, for editors. Reason to change: what editors propose."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from crudgen.language.types import (
    ARGUMENT_OPTIONS,
    MAX_INDEXED_TEXT,
    OPTIONS,
    REFERENCE_DOC,
    REFERENCE_OPTIONS,
    TYPES,
    Argument,
    Arguments,
    Option,
    TypeInfo,
)

from . import shorthand
from .relations import ReferenceSpec
from .spec import FieldSpec
from .words import ON_DELETE

_REFERENCE = "-> ${1:Team}"
_INDEXES = ("pk", "unique", "index")
_FIRST_EXAMPLE = re.compile(r"\(.*?\)")
_PLACEHOLDER = re.compile(r"\$\{[0-9]+:((?:[^\\}]|\\.)*)\}")


class _Proposal(NamedTuple):
    """A completion that an editor proposes for a field."""

    rank: int
    """Editors list proposals of a lower rank first."""
    body: str
    """The short form, with placeholders."""
    doc: str


def field_snippets() -> list[dict[str, Any]]:
    """Return the completions of a field: the types, then each type with each of its options.

    An editor replaces the entire value: to complete an option, it needs the type before it.
    """
    proposals = [proposal for info in TYPES.values() for proposal in _type_proposals(info)]
    ordered = sorted([*proposals, *_reference_proposals()], key=lambda proposal: proposal.rank)
    return [
        {
            "label": _snippet_text(proposal.body),
            "body": proposal.body,
            "description": proposal.doc,
            "sortText": f"{position:03}",
        }
        for position, proposal in enumerate(ordered)
    ]


def _type_proposals(info: TypeInfo) -> Iterator[_Proposal]:
    yield _Proposal(0, _shortest_form(info), info.doc)
    if info.arguments is not Arguments.NONE and not _needs_arguments(info):
        yield _Proposal(1, f"{info.name}{_argument_placeholders(info)}", info.doc)
    yield _Proposal(2, f"{_shortest_form(info)}?", f"{info.doc}; or null")
    for option in info.short_options:
        if not (option.common or option.name in ARGUMENT_OPTIONS[info.arguments]):
            doc = FieldSpec.allowed_keys()[option.name].description or ""
            yield _Proposal(3, _with_option(info, option), doc)


def _reference_proposals() -> Iterator[_Proposal]:
    """Yield a reference, and one with each of its options that not all fields have."""
    yield _Proposal(0, _REFERENCE, REFERENCE_DOC)
    yield _Proposal(2, f"{_REFERENCE}?", f"{REFERENCE_DOC}; or null")
    descriptions = {str(word): doc for word, doc in ON_DELETE.items()}
    for key, described in ReferenceSpec.allowed_keys().items():
        descriptions[key] = described.description or ""
    for option in REFERENCE_OPTIONS.values():
        if option.name not in OPTIONS or not option.common:
            null = "?" if option.name in ("set_null", "read_only") else ""
            body = f"{_REFERENCE}{null} {_option_with_placeholder(option, 2)}"
            yield _Proposal(3, body, descriptions[option.name])


def _with_option(info: TypeInfo, option: Option) -> str:
    """Return a type with an option, and with what the option requires."""
    required = _shortest_form(info)
    if option.name == "touch":
        return f"{required} = now read_only touch"
    if option.name == "read_only":
        return f"{required}? read_only"
    if option.name in _INDEXES and (info.max_length or 0) > MAX_INDEXED_TEXT:
        return f"{info.name}(..${{1:{MAX_INDEXED_TEXT}}}) {option.name}"
    return f"{required} {_option_with_placeholder(option, required.count('$') + 1)}"


def _needs_arguments(info: TypeInfo) -> bool:
    return not re.fullmatch(shorthand.ARGUMENTS[info.arguments], "")


def _shortest_form(info: TypeInfo) -> str:
    """Return the shortest form of a type: with the arguments that it requires, if any."""
    return f"{info.name}{_argument_placeholders(info) if _needs_arguments(info) else ''}"


def _argument_placeholders(info: TypeInfo) -> str:
    """Return the arguments of the type's first example, each as a placeholder."""
    example = _FIRST_EXAMPLE.search(shorthand.EXAMPLES[info.arguments])
    parts = re.split(r"([A-Za-z0-9]+)", example[0] if example else "")
    return "".join(
        f"${{{position // 2 + 1}:{part}}}" if position % 2 else part
        for position, part in enumerate(parts)
    )


def _option_with_placeholder(option: Option, placeholder: int) -> str:
    """Return the option, with the argument of its example as a placeholder."""
    if option.argument is Argument.NONE:
        return option.name
    argument = option.example.removeprefix(f"{option.name}(").removesuffix(")")
    escaped = re.sub(r"[\\$}]", r"\\\g<0>", argument)
    return f"{option.name}(${{{placeholder}:{escaped}}})"


def _snippet_text(body: str) -> str:
    """Return a snippet with the texts of its placeholders."""
    return _PLACEHOLDER.sub(lambda found: re.sub(r"\\(.)", r"\1", found[1]), body)

"""Kinds of values in a spec, checked one by one. Reason to change: another kind of value."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from crudgen.language.api import EtagUse
from crudgen.language.artifacts import Artifact
from crudgen.language.hooks import Hook
from crudgen.language.names import Case, ColumnName, JsonName, TableName, snake_case
from crudgen.language.operations import Operation
from crudgen.language.ranges import MAX_INDEX, MAX_PAGE, MIN_INDEX
from crudgen.language.relations import NestedWrite, OnDelete
from crudgen.language.schema import KitForm, TypeName
from crudgen.language.yaml.document import scalar_value
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Plain, Scalar, plain
from crudgen.language.yaml.problems import Problems, quoted, suggest

from . import hook_spellings, spellings
from .expansion import expand
from .translation import translated
from .words import (
    AFTER_COMMIT,
    ARTIFACTS,
    CASES,
    ETAG_USES,
    KIT_FORMS,
    NESTED_WRITES,
    ON_DELETE,
    OPERATIONS,
    PATH,
    PATH_RULE,
    TYPE_WORDS,
    hook_names,
    matching,
    one_of,
    path,
    several,
)

MAX_DOC = 2000
WordT = TypeVar("WordT", bound=StrEnum)


def describe(value: Plain) -> str:
    """Return what a value is, for messages such as "expected a map, found the number 1"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    return "a list" if isinstance(value, list) else "a map"


def _expected(what: str, value: Plain, remedy: str = "") -> PydanticCustomError:
    context = {"problem": f"expected {what}, found {describe(value)}", "remedy": remedy}
    return PydanticCustomError("spec", "{problem}", context)


def _text(value: Plain) -> str:
    if isinstance(value, str):
        if len(value) > MAX_DOC:
            raise _expected(f"a string of at most {MAX_DOC} characters", value)
        return value
    raise _expected("a string", value, _quoting(value))


def _quoting(value: Plain) -> str:
    return "quote it" if isinstance(value, bool | int | Decimal) else ""


def _line(value: Plain) -> str:
    text = _text(value)
    if "\n" in text or not text.strip() or len(text) > 200:
        raise _expected("one line of at most 200 characters", value)
    return text


def _flag(value: Plain) -> bool:
    if isinstance(value, bool):
        return value
    remedy = suggest(value if isinstance(value, str) else "", ("true", "false"))
    raise _expected("true or false", value, remedy)


def _count(value: Plain) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _expected("an integer, 0 or more", value)


def _number(value: Plain) -> int | Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    raise _expected("a number", value)


def _enum_member(
    value: Plain, what: str, words: type[WordT], others: Mapping[str, WordT] | None = None
) -> WordT:
    if not isinstance(value, str):
        raise _expected("a string", value, suggest("", words))
    if value not in words.__members__.values():
        other = (others or {}).get(value.lower())
        remedy = f"write '{other}'" if other else suggest(value, words)
        context = {"problem": f"unknown {what} {quoted(value)}", "remedy": remedy}
        raise PydanticCustomError("spec", "{problem}", context)
    return words(value)


def _word(
    what: str, words: type[WordT], others: Mapping[str, WordT] | None = None
) -> PlainValidator:
    """Return the validator of a word. `others` are other spellings of the words."""
    return PlainValidator(partial(_enum_member, what=what, words=words, others=others))


def _type(value: Plain) -> TypeName:
    if not isinstance(value, str) or value in TypeName.__members__.values():
        return _enum_member(value, "type", TypeName)
    long = " or ".join(_long_form(short) for short in translated(value) or (value,))
    remedy = f"write '{long}'" if long else suggest(value, TypeName)
    context = {"problem": f"unknown type {quoted(value)}", "remedy": remedy}
    raise PydanticCustomError("spec", "{problem}", context)


def _long_form(short: str) -> str:
    """Return the options of a short form as YAML: the type if it has no others, "" if invalid."""
    expanded = expand("", Scalar(Location(""), short), Problems())
    if expanded is None or short in TypeName.__members__.values():
        return "" if expanded is None else short
    return ", ".join(f"{entry.key}: {_flow(plain(entry.value))}" for entry in expanded.entries)


def _flow(value: Plain) -> str:
    """Return a value of a short form as YAML in flow style."""
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str):
        is_plain = re.fullmatch("[A-Za-z_]+", value) and isinstance(scalar_value(value), str)
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _names(value: Plain) -> list[str]:
    if not isinstance(value, list):
        value = [value]
    for name in value:
        if not isinstance(name, str):
            raise _expected("a name, or a list of names", name, _quoting(name))
    return [_text(name) for name in value]


def _inverse(value: Plain) -> str | Literal[False]:
    if isinstance(value, str):
        return _text(value)
    if value is False:
        return False
    raise _expected("a name, or false", value)


def _hook(value: Plain) -> str:
    if isinstance(value, str) and re.fullmatch(AFTER_COMMIT, value):
        return value
    return _enum_member(value, "hook", Hook, hook_spellings.HOOKS)


def _on_delete(value: Plain) -> OnDelete:
    if value is None:
        raise _expected("a string", value, f"write '{OnDelete.SET_NULL}'")
    return _enum_member(value, "value", OnDelete, spellings.ON_DELETE)


def _created(value: Plain) -> int:
    if isinstance(value, int) and value in CREATED_STATUSES:
        return value
    raise _expected("200 or 201", value)


def _path(value: Plain) -> str:
    text = _text(value)
    if not re.fullmatch(PATH, text):
        other = snake_case("__".join(re.findall(r"[A-Za-z0-9_]+", text)))
        remedy = f"write '{other}'" if re.fullmatch(PATH, other) else PATH_RULE
        if text == "*":
            remedy = "list the names: there is no word for all relations"
        context = {"problem": f"invalid path {quoted(text)}", "remedy": remedy}
        raise PydanticCustomError("spec", "{problem}", context)
    return text


CREATED_STATUSES = (200, 201)
_TEXT_SCHEMA = {"type": "string", "maxLength": MAX_DOC}
Text: TypeAlias = Annotated[str, PlainValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]
Line: TypeAlias = Annotated[
    str, PlainValidator(_line), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})
]
_FLAG_SCHEMA = {"type": "boolean", "defaultSnippets": [{"body": True}]}
Flag: TypeAlias = Annotated[bool, PlainValidator(_flag), WithJsonSchema(_FLAG_SCHEMA)]
Count: TypeAlias = Annotated[
    int, PlainValidator(_count), WithJsonSchema({"type": "integer", "minimum": 0})
]
PageSize: TypeAlias = Annotated[
    int,
    PlainValidator(_count),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
]
Number: TypeAlias = Annotated[
    int | Decimal, PlainValidator(_number), WithJsonSchema({"type": "number"})
]
ColumnText: TypeAlias = Annotated[str, PlainValidator(_text), matching(ColumnName)]
JsonText: TypeAlias = Annotated[str, PlainValidator(_text), matching(JsonName)]
ColumnNames: TypeAlias = Annotated[list[str], PlainValidator(_names), several(ColumnName)]
TableNames: TypeAlias = Annotated[list[str], PlainValidator(_names), several(TableName)]
CaseWord: TypeAlias = Annotated[Case, _word("case", Case), one_of(CASES)]
KitWord: TypeAlias = Annotated[KitForm, _word("value", KitForm), one_of(KIT_FORMS)]
TypeWord: TypeAlias = Annotated[TypeName, PlainValidator(_type), one_of(TYPE_WORDS)]
OperationWord: TypeAlias = Annotated[
    Operation, _word("operation", Operation, spellings.OPERATIONS), one_of(OPERATIONS)
]
HookWord: TypeAlias = Annotated[str, PlainValidator(_hook), hook_names()]
EtagWord: TypeAlias = Annotated[EtagUse, _word("value", EtagUse), one_of(ETAG_USES)]
OnDeleteWord: TypeAlias = Annotated[OnDelete, PlainValidator(_on_delete), one_of(ON_DELETE)]
_INVERSE_SCHEMA = {"anyOf": [{"type": "string"}, {"const": False}]}
InverseName: TypeAlias = Annotated[
    str | Literal[False], PlainValidator(_inverse), WithJsonSchema(_INVERSE_SCHEMA)
]
ArtifactWord: TypeAlias = Annotated[Artifact, _word("value", Artifact), one_of(ARTIFACTS)]
CreatedStatus: TypeAlias = Annotated[
    int,
    PlainValidator(_created),
    WithJsonSchema({"enum": list(CREATED_STATUSES), "errorMessage": "Expected 200 or 201."}),
]
PathText: TypeAlias = Annotated[str, PlainValidator(_path), path()]
PathList: TypeAlias = Annotated[list[PathText], Field(json_schema_extra={"uniqueItems": True})]
NestedWriteWord: TypeAlias = Annotated[
    NestedWrite, _word("value", NestedWrite, spellings.NESTED_WRITES), one_of(NESTED_WRITES)
]
FieldList: TypeAlias = Annotated[list[Text], Field(json_schema_extra={"uniqueItems": True})]
IndexList: TypeAlias = Annotated[
    list[Text],
    Field(json_schema_extra={"minItems": MIN_INDEX, "maxItems": MAX_INDEX, "uniqueItems": True}),
]
AnyValue: TypeAlias = Annotated[Any, WithJsonSchema({})]

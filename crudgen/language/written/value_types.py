"""Types of the values in a spec, each with its check. Reason to change: another type of value."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from crudgen.language.api import EtagUse, ExportFormat
from crudgen.language.artifacts import Artifact
from crudgen.language.hooks import Hook
from crudgen.language.names import Case, ColumnName, JsonName, TableName, snake_case
from crudgen.language.operations import Operation
from crudgen.language.ranges import MAX_INDEX, MAX_PAGE, MIN_INDEX
from crudgen.language.relations import NestedWrite, OnDelete
from crudgen.language.schema import KitForm, TypeName
from crudgen.language.yaml.document import scalar_value
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Scalar, YamlValue, node_value
from crudgen.language.yaml.problems import Problems, quoted, suggest

from . import hook_spellings, spellings
from .expansion import expand
from .translation import translated
from .words import (
    AFTER_COMMIT,
    ARTIFACTS,
    CASES,
    ETAG_USES,
    EXPORT_FORMATS,
    KIT_FORMS,
    NESTED_WRITES,
    ON_DELETE,
    OPERATIONS,
    PATH,
    PATH_RULE,
    TYPE_WORDS,
    hook_name_schema,
    one_name_schema,
    one_or_more_names_schema,
    one_word_schema,
    path_schema,
)

MAX_DOC = 2000
_OTHER_FLAGS = {
    **dict.fromkeys(("true", "yes", "on"), "true"),
    **dict.fromkeys(("false", "no", "off"), "false"),
}
"""Words for true and false that are strings in YAML 1.2."""
WordT = TypeVar("WordT", bound=StrEnum)


def describe_value(value: YamlValue) -> str:
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


def _expected_error(what: str, value: YamlValue, remedy: str = "") -> PydanticCustomError:
    context = {"problem": f"expected {what}, found {describe_value(value)}", "remedy": remedy}
    return PydanticCustomError("spec", "{problem}", context)


def _read_text(value: YamlValue) -> str:
    if isinstance(value, str):
        if len(value) > MAX_DOC:
            raise _expected_error(f"a string of at most {MAX_DOC} characters", value)
        return value
    raise _expected_error("a string", value, _quoting_remedy(value))


def _quoting_remedy(value: YamlValue) -> str:
    return "quote it" if isinstance(value, bool | int | Decimal) else ""


def _read_line(value: YamlValue) -> str:
    text = _read_text(value)
    if "\n" in text or not text.strip() or len(text) > 200:
        raise _expected_error("one line of at most 200 characters", value)
    return text


def _read_flag(value: YamlValue) -> bool:
    if isinstance(value, bool):
        return value
    raise _expected_error("true or false", value, flag_remedy(value, ("true", "false")))


def flag_remedy(value: object, allowed: Sequence[str]) -> str:
    """Return what to write instead of a value that is not `allowed`, one of which is `true`."""
    if not isinstance(value, str):
        return suggest("", allowed)
    word = _OTHER_FLAGS.get(value.strip().lower())
    if word is None:
        return suggest(value, allowed)
    return f"remove the quotes: {word}" if value == word else f"write {word}"


def _read_count(value: YamlValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _expected_error("an integer, 0 or more", value)


def _read_number(value: YamlValue) -> int | Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    raise _expected_error("a number", value)


def _read_word(
    value: YamlValue, what: str, words: type[WordT], others: Mapping[str, WordT] | None = None
) -> WordT:
    if not isinstance(value, str):
        raise _expected_error("a string", value, suggest("", words))
    if value not in words.__members__.values():
        other = (others or {}).get(value.lower())
        remedy = f"write '{other}'" if other else suggest(value, words)
        context = {"problem": f"unknown {what} {quoted(value)}", "remedy": remedy}
        raise PydanticCustomError("spec", "{problem}", context)
    return words(value)


def _word_validator(
    what: str, words: type[WordT], others: Mapping[str, WordT] | None = None
) -> PlainValidator:
    """Return a validator for one of the words. `others` maps other spellings to the words."""
    return PlainValidator(partial(_read_word, what=what, words=words, others=others))


def _read_type(value: YamlValue) -> TypeName:
    if not isinstance(value, str) or value in TypeName.__members__.values():
        return _read_word(value, "type", TypeName)
    long = " or ".join(_long_form(short) for short in translated(value) or (value,))
    remedy = f"write '{long}'" if long else suggest(value, TypeName)
    context = {"problem": f"unknown type {quoted(value)}", "remedy": remedy}
    raise PydanticCustomError("spec", "{problem}", context)


def _long_form(short: str) -> str:
    """Return the options of a short form as YAML: the type if it has no others, "" if invalid."""
    expanded = expand("", Scalar(Location(""), short), Problems())
    if expanded is None or short in TypeName.__members__.values():
        return "" if expanded is None else short
    return ", ".join(
        f"{entry.key}: {_inline_yaml(node_value(entry.value))}" for entry in expanded.entries
    )


def _inline_yaml(value: YamlValue) -> str:
    """Return a value of a short form as YAML in flow style."""
    if isinstance(value, list):
        return f"[{', '.join(map(_inline_yaml, value))}]"
    if isinstance(value, str):
        is_plain = re.fullmatch("[A-Za-z_]+", value) and isinstance(scalar_value(value), str)
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _read_names(value: YamlValue) -> list[str]:
    if not isinstance(value, list):
        value = [value]
    for name in value:
        if not isinstance(name, str):
            raise _expected_error("a name, or a list of names", name, _quoting_remedy(name))
    return [_read_text(name) for name in value]


def _read_inverse(value: YamlValue) -> str | Literal[False]:
    if isinstance(value, str):
        return _read_text(value)
    if value is False:
        return False
    raise _expected_error("a name, or false", value)


def _read_hook(value: YamlValue) -> str:
    if isinstance(value, str) and re.fullmatch(AFTER_COMMIT, value):
        return value
    return _read_word(value, "hook", Hook, hook_spellings.HOOKS)


def _read_on_delete(value: YamlValue) -> OnDelete:
    if value is None:
        raise _expected_error("a string", value, f"write '{OnDelete.SET_NULL}'")
    return _read_word(value, "value", OnDelete, spellings.ON_DELETE)


def _read_created_status(value: YamlValue) -> int:
    if isinstance(value, int) and value in CREATED_STATUSES:
        return value
    raise _expected_error("200 or 201", value)


def _read_path(value: YamlValue) -> str:
    text = _read_text(value)
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
Text: TypeAlias = Annotated[str, PlainValidator(_read_text), WithJsonSchema(_TEXT_SCHEMA)]
Line: TypeAlias = Annotated[
    str,
    PlainValidator(_read_line),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200}),
]
_FLAG_SCHEMA = {"type": "boolean", "defaultSnippets": [{"body": True}]}
Flag: TypeAlias = Annotated[bool, PlainValidator(_read_flag), WithJsonSchema(_FLAG_SCHEMA)]
Count: TypeAlias = Annotated[
    int, PlainValidator(_read_count), WithJsonSchema({"type": "integer", "minimum": 0})
]
PageSize: TypeAlias = Annotated[
    int,
    PlainValidator(_read_count),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
]
Number: TypeAlias = Annotated[
    int | Decimal, PlainValidator(_read_number), WithJsonSchema({"type": "number"})
]
ColumnText: TypeAlias = Annotated[str, PlainValidator(_read_text), one_name_schema(ColumnName)]
JsonText: TypeAlias = Annotated[str, PlainValidator(_read_text), one_name_schema(JsonName)]
ColumnNames: TypeAlias = Annotated[
    list[str], PlainValidator(_read_names), one_or_more_names_schema(ColumnName)
]
TableNames: TypeAlias = Annotated[
    list[str], PlainValidator(_read_names), one_or_more_names_schema(TableName)
]
CaseWord: TypeAlias = Annotated[Case, _word_validator("case", Case), one_word_schema(CASES)]
KitWord: TypeAlias = Annotated[
    KitForm, _word_validator("value", KitForm), one_word_schema(KIT_FORMS)
]
TypeWord: TypeAlias = Annotated[TypeName, PlainValidator(_read_type), one_word_schema(TYPE_WORDS)]
OperationWord: TypeAlias = Annotated[
    Operation,
    _word_validator("operation", Operation, spellings.OPERATIONS),
    one_word_schema(OPERATIONS),
]
HookWord: TypeAlias = Annotated[str, PlainValidator(_read_hook), hook_name_schema()]
EtagWord: TypeAlias = Annotated[
    EtagUse, _word_validator("value", EtagUse), one_word_schema(ETAG_USES)
]
ExportWord: TypeAlias = Annotated[
    ExportFormat,
    _word_validator("format", ExportFormat, spellings.EXPORT_FORMATS),
    one_word_schema(EXPORT_FORMATS),
]
OnDeleteWord: TypeAlias = Annotated[
    OnDelete, PlainValidator(_read_on_delete), one_word_schema(ON_DELETE)
]
_INVERSE_SCHEMA = {"anyOf": [{"type": "string"}, {"const": False}]}
InverseName: TypeAlias = Annotated[
    str | Literal[False], PlainValidator(_read_inverse), WithJsonSchema(_INVERSE_SCHEMA)
]
ArtifactWord: TypeAlias = Annotated[
    Artifact, _word_validator("value", Artifact), one_word_schema(ARTIFACTS)
]
CreatedStatus: TypeAlias = Annotated[
    int,
    PlainValidator(_read_created_status),
    WithJsonSchema({"enum": list(CREATED_STATUSES), "errorMessage": "Expected 200 or 201."}),
]
PathText: TypeAlias = Annotated[str, PlainValidator(_read_path), path_schema()]
PathList: TypeAlias = Annotated[list[PathText], Field(json_schema_extra={"uniqueItems": True})]
NestedWriteWord: TypeAlias = Annotated[
    NestedWrite,
    _word_validator("value", NestedWrite, spellings.NESTED_WRITES),
    one_word_schema(NESTED_WRITES),
]
FieldList: TypeAlias = Annotated[list[Text], Field(json_schema_extra={"uniqueItems": True})]
IndexList: TypeAlias = Annotated[
    list[Text],
    Field(json_schema_extra={"minItems": MIN_INDEX, "maxItems": MAX_INDEX, "uniqueItems": True}),
]
AnyValue: TypeAlias = Annotated[Any, WithJsonSchema({})]
AnyMap: TypeAlias = Annotated[Any, WithJsonSchema({"type": "object"})]

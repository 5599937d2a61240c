"""JSON Schema of a field, for editors. Reason to change: what editors check in fields.

A language server shows the message of each pattern that does not match. `if` chooses one pattern,
so a mistake gives one message.
"""

from typing import Any

from crudgen.language.patterns import MAX_PATTERN
from crudgen.language.types import (
    COMMON_OPTIONS,
    FLAGS,
    INT64_MAX,
    INT64_MIN,
    MAX_ENUM_VALUE_LENGTH,
    MAX_ENUM_VALUES,
    MAX_PRECISION,
    REFERENCE,
    REFERENCE_DOC,
    TYPES,
    Arguments,
    TypeInfo,
    highest_max_length,
)

from . import reference_schema, shorthand
from .reference_schema import no_match_schema
from .snippets import field_snippets
from .spec import FieldSpec

_SHORT, _LONG = "ShortForm", "LongForm"
_DEFAULTS = {
    "string": '= "a b"',
    "integer": "= 0",
    "number": "= 0.5",
    "boolean": "= true",
    "": "= 0",
}
"""An example of a default, for each `TypeInfo.value_type`."""

_NULL_DEFAULT = {
    "if": {"required": ["default"], "properties": {"default": {"const": None}}},
    "then": {
        "required": ["optional"],
        "properties": {"optional": {"const": True}},
        "errorMessage": "A default of null requires 'optional: true'.",
    },
}

_VALUE = {"type": "string", "minLength": 1, "maxLength": MAX_ENUM_VALUE_LENGTH}
_LIMITS: dict[str, dict[str, Any]] = {
    "pattern": {"minLength": 1, "maxLength": MAX_PATTERN},
    "precision": {"minimum": 1, "maximum": MAX_PRECISION},
    "values": {
        "items": _VALUE,
        "minItems": 1,
        "maxItems": MAX_ENUM_VALUES,
        "uniqueItems": True,
    },
    "renamed": {
        "propertyNames": _VALUE,
        "additionalProperties": _VALUE,
        "minProperties": 1,
        "errorMessage": "Expected a map, such as {angry: furious}.",
    },
}


def any_field_schema() -> dict[str, Any]:
    """Return the schema of a field, in the short or the long form."""
    return {
        "description": "A type such as str(1..80), or a map (the long form).",
        # Editors also collect the snippets of schemas that match a map: they match strings only.
        "anyOf": [{"type": "string", "defaultSnippets": field_snippets()}, {}],
        "if": {"type": "object"},
        "then": {"$ref": f"#/$defs/{_LONG}"},
        "else": {"$ref": f"#/$defs/{_SHORT}"},
    }


def form_definitions() -> dict[str, Any]:
    """Return the schemas that `any_field_schema` refers to."""
    return {_LONG: _long_form_schema(), _SHORT: _short_form_schema()}


def _short_form_schema() -> dict[str, Any]:
    types = {**{str(name): info.doc for name, info in TYPES.items()}, "-> Team": REFERENCE_DOC}
    listed = "\n".join(f"- `{name}`: {doc}" for name, doc in types.items())
    unknown = {
        "markdownDescription": f"`type[(arguments)][?] [= default] [option …]`\n\n{listed}",
        **no_match_schema(f"Unknown type. Types: {', '.join(TYPES)}; -> Team for a reference."),
    }
    reference = {
        "if": {"pattern": "^ *->"},
        "then": reference_schema.short_form_schema(),
        "else": unknown,
    }
    return {
        "type": "string",
        "errorMessage": "Expected a type, such as str(1..80).",
        "if": {"pattern": shorthand.type_pattern(*TYPES)},
        "then": {"allOf": [_short_form_of(info) for info in TYPES.values()]},
        "else": reference,
    }


def _short_form_of(info: TypeInfo) -> dict[str, Any]:
    """Return the schema of the short forms that start with a type."""
    example = shorthand.EXAMPLES[info.arguments].format(info.name)
    options = [option.example or option.name for option in info.short_options]
    wrong_arguments = (
        f"'{info.name}' takes no arguments."
        if info.arguments is Arguments.NONE
        else f"Write the arguments of '{info.name}' as {example}."
    )
    default = _DEFAULTS[info.value_type]
    wrong_options = f"Unknown or misplaced option. Options of '{info.name}': {', '.join(options)}."
    listed = " ".join(f"`{option}`" for option in options)
    return {
        "if": {"pattern": shorthand.type_pattern(info.name)},
        "then": {
            "markdownDescription": f"`{example}`: {info.doc}\n\nOptions: {listed}",
            "if": {"pattern": shorthand.arguments_pattern(info)},
            "then": {
                "if": {"pattern": shorthand.default_pattern(info)},
                "then": {
                    "pattern": shorthand.short_form_pattern(info),
                    "patternErrorMessage": wrong_options,
                },
                "else": no_match_schema(
                    f"Invalid default for '{info.name}'. Write it such as {default}."
                ),
            },
            "else": no_match_schema(wrong_arguments),
        },
    }


def _long_form_schema() -> dict[str, Any]:
    """Return the schema of the long form: the options depend on the type."""
    typed = {"type": {"const": REFERENCE}}
    reference = {
        "if": {"anyOf": [{"required": ["type"], "properties": typed}, {"required": ["to"]}]},
        "then": {"allOf": [reference_schema.long_form_schema(), _NULL_DEFAULT]},
        "else": {"$ref": "#/$defs/FieldSpec"},
    }
    return {
        "if": {"required": ["type"], "properties": {"type": {"enum": [*TYPES]}}},
        "then": {"allOf": [*map(_long_form_of, TYPES.values()), _NULL_DEFAULT]},
        "else": reference,
    }


def _long_form_of(info: TypeInfo) -> dict[str, Any]:
    """Return the schema of the long forms of a type."""
    allowed = {*COMMON_OPTIONS, *FLAGS, *info.options}
    keys = [key for key in FieldSpec.allowed_keys() if key in allowed]
    usable = [key for key in keys if key not in FLAGS or key in info.flags]
    options = {
        "properties": {key: _option_schema(info, key) for key in keys},
        "additionalProperties": False,
        "errorMessage": f"Unknown option. Options of '{info.name}': {', '.join(usable)}.",
    }
    required = [key for key in ("precision", "scale", "values") if key in info.options]
    return {
        "if": {"properties": {"type": {"const": info.name}}},
        "then": {"allOf": [{"required": required}, options]} if required else options,
    }


def _option_schema(info: TypeInfo, key: str) -> dict[str, Any]:
    """Return the schema of an option of a type in the long form."""
    if key == "type":
        return {"$ref": "#/$defs/FieldSpec/properties/type"}
    if key in FLAGS and key not in info.flags:
        message = f"'{key}' does not apply to '{info.name}'."
        return {"const": False, "doNotSuggest": True, "errorMessage": message}
    return {"$ref": f"#/$defs/FieldSpec/properties/{key}", **_option_limits(info, key)}


def _option_limits(info: TypeInfo, key: str) -> dict[str, Any]:
    """Return what a type requires of an option, in addition to the option's own schema."""
    if key == "default" and info.value_type:
        return _default_schema(info)
    if key == "example" and info.value_type:
        return {"type": info.value_type}
    if key in ("min", "max") and info.max_length is not None:
        shortest = info.shortest if key == "max" else 0
        return {"type": "integer", "minimum": shortest, "maximum": highest_max_length(info)}
    if key in ("min", "max") and info.value_type == "integer":
        return {"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX}
    return _LIMITS.get(key, {})


def _default_schema(info: TypeInfo) -> dict[str, Any]:
    """Return what a type requires of a default; that of some can be an attribute of the caller."""
    if info.value_type not in ("integer", "boolean"):
        return {"type": [info.value_type, "null"]}
    return {
        "type": [info.value_type, "string", "null"],
        "pattern": f"^{shorthand.CALLER}$",
        "patternErrorMessage": (
            f"Incorrect type. Expected one of {info.value_type}, null."
            " An attribute of the caller is 'me' or 'me.name'."
        ),
    }

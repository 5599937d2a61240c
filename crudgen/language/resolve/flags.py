"""Checks the options and flags of a field. Reason to change: their rules."""

from crudgen.language.schema import TypeName
from crudgen.language.types import COMMON_OPTIONS, FLAGS, TYPES
from crudgen.language.written.field import AnyWrittenField, WrittenType
from crudgen.language.written.spec import FieldSpec

from .computed import check_computed


def check_flags(written: WrittenType) -> None:
    """Check the options of the field's type, and combinations of its flags."""
    _check_options_of_type(written)
    _check_flags_of_type(written)
    check_read_and_write_flags(written)
    _check_touch(written)
    _check_flags_of_key(written)
    check_computed(written)


def _check_options_of_type(written: WrittenType) -> None:
    allowed = {*COMMON_OPTIONS, *FLAGS, *written.spec.info.options}
    for key in sorted(written.spec.keys_set - allowed):
        options = ", ".join(sorted(written.spec.info.options)) or "none"
        problem = f"'{key}' does not apply to '{written.spec.info.name}'"
        written.add_at_key(key, problem, f"options of this type: {options}")
    for key in sorted(written.spec.model_fields_set & allowed - {"default", "example", "column"}):
        if getattr(written.spec, key) is None:
            written.add(key, f"'{key}' is empty", "set a value, or remove it")
    for key in ("precision", "scale", "values"):
        if key in written.spec.info.options and not written.spec.is_set(key):
            remedy = "write '" + {"values": "enum(red, green)"}.get(key, "decimal(10,2)") + "'"
            written.problems.add(written.locate_key(), f"'{key}' is missing", remedy)


def _check_flags_of_type(written: WrittenType) -> None:
    spec, info = written.spec, written.spec.info
    for flag in FLAGS:
        if getattr(spec, flag) and flag not in info.flags:
            types = [str(name) for name, other in TYPES.items() if flag in other.flags]
            written.add_at_key(
                flag,
                f"'{flag}' does not apply to '{info.name}'",
                f"it applies to {', '.join(types)}",
            )


def check_read_and_write_flags(written: AnyWrittenField) -> None:
    """Check the combinations of the flags that say who reads and writes a field."""
    spec = written.spec
    for first, second, remedy in (
        ("read_only", "write_only", "remove one: no client could set or read the field"),
        ("read_only", "immutable", "remove 'immutable': 'read_only' implies it"),
    ):
        if getattr(spec, first) and getattr(spec, second):
            problem = f"'{first}' and '{second}' cannot be combined"
            written.add_at_key(second, problem, remedy)
    is_key = isinstance(spec, FieldSpec) and spec.pk
    if spec.read_only and not (is_key or spec.optional or spec.is_set("default")):
        remedy = "add a default or '?', or remove 'read_only'"
        written.add_at_key("read_only", "the field has 'read_only', but no default", remedy)


def _check_touch(written: WrittenType) -> None:
    spec, info = written.spec, written.spec.info
    possible = spec.touch and "touch" in info.flags
    if possible and not (spec.read_only and spec.default == "now"):
        remedy = f"write '{info.name} = now read_only touch'"
        written.add_at_key("touch", "'touch' requires '= now' and 'read_only'", remedy)


def _check_flags_of_key(written: WrittenType) -> None:
    if written.spec.unique and written.spec.index:
        problem = "'unique' and 'index' cannot be combined"
        written.add_at_key("index", problem, "remove 'index': 'unique' implies it")
    if not written.spec.pk:
        return
    for key, remedy in (
        ("unique", "remove it: a primary key is unique"),
        ("index", "remove it: a primary key has an index"),
        ("write_only", "remove it: the key is part of the URL"),
        ("controls", "remove it: the key is part of the URL"),
        ("optional", "remove the '?'"),
    ):
        if getattr(written.spec, key):
            written.add_at_key(key, f"'{key}' is not allowed on the primary key", remedy)
    if written.spec.is_set("default"):
        written.add_at_key("default", "the primary key cannot have a default", "remove it")
    text = written.spec.info.name is TypeName.STR
    if text and written.spec.read_only:
        written.add_at_key(
            "read_only",
            "'read_only' is not allowed on a text key",
            "remove it: the client sends the key",
        )
    if text and written.spec.min == 0 and written.spec.is_set("min"):
        written.add("min", "the primary key must not be empty", "set 'min' to 1 or more")

"""Names, options and flags of one field that do not go together. Changes with their rules."""

from crudgen.language.names import FieldName, field_name_problem
from crudgen.language.schema import TypeName
from crudgen.language.types import COMMON_OPTIONS, FLAGS, TYPES
from crudgen.language.written.field import WrittenField
from crudgen.language.yaml.places import shown


def check_flags(written: WrittenField) -> None:
    """Note a name that is taken, options that the type has not, flags that contradict."""
    _check_name(written)
    _check_options(written)
    _check_possible(written)
    _check_pairs(written)
    _check_server_set(written)
    _check_key(written)


def _check_name(written: WrittenField) -> None:
    place = written.key()
    if not FieldName.PATTERN.fullmatch(written.name):
        written.problems.add(place, f"{shown(written.name)} is no field name", FieldName.RULE)
        return
    why = field_name_problem(written.name)
    if why:
        written.problems.add(place, f"a field cannot be called {written.name!r}", why)


def _check_options(written: WrittenField) -> None:
    allowed = {*COMMON_OPTIONS, *FLAGS, *written.info.options}
    for key in sorted(written.spec.model_fields_set - allowed):
        options = ", ".join(sorted(written.info.options)) or "nothing of its own"
        problem_ = f"'{key}' does not apply to '{written.info.name}'"
        written.add_key(key, problem_, f"it takes {options}")
    for key in sorted(written.info.options):
        if written.spec.says(key) and getattr(written.spec, key) is None:
            written.add(key, f"expected a value for '{key}', found nothing", "drop it")
    for key in ("precision", "scale", "values"):
        if key in written.info.options and not written.spec.says(key):
            remedy = "write '" + {"values": "enum(red, green)"}.get(key, "decimal(10,2)") + "'"
            written.problems.add(written.key(), f"'{key}' is missing", remedy)


def _check_possible(written: WrittenField) -> None:
    spec, info = written.spec, written.info
    for flag in FLAGS:
        if getattr(spec, flag) and flag not in info.flags:
            able = [str(name) for name, other in TYPES.items() if flag in other.flags]
            written.add_key(
                flag,
                f"'{flag}' is not possible on '{info.name}'",
                f"it is for {', '.join(able)}",
            )


def _check_pairs(written: WrittenField) -> None:
    spec = written.spec
    for first, second, remedy in (
        ("unique", "index", "drop 'index': 'unique' already has one"),
        ("read_only", "write_only", "drop one: nobody could see or set the field"),
        ("read_only", "immutable", "drop 'immutable': the client cannot set it anyway"),
    ):
        if getattr(spec, first) and getattr(spec, second):
            problem_ = f"'{first}' and '{second}' together"
            written.add_key(second, problem_, remedy)


def _check_server_set(written: WrittenField) -> None:
    spec, info = written.spec, written.info
    possible = spec.touch and "touch" in info.flags
    if possible and not (spec.read_only and spec.default == "now"):
        remedy = f"write '{info.name} = now read_only touch'"
        written.add_key("touch", "'touch' needs '= now' and 'read_only'", remedy)
    if spec.read_only and not (spec.pk or spec.optional or spec.says("default")):
        remedy = "give a default, add '?' or drop 'read_only'"
        written.add_key("read_only", "nobody could set this field", remedy)


def _check_key(written: WrittenField) -> None:
    if not written.spec.pk:
        return
    for key, remedy in (
        ("unique", "drop it: a key is unique"),
        ("index", "drop it: a key has an index"),
        ("write_only", "drop it: a key is part of every URL"),
        ("controls", "drop it: a key is part of every URL"),
        ("optional", "drop the '?'"),
    ):
        if getattr(written.spec, key):
            written.add_key(key, f"'{key}' on the primary key", remedy)
    if written.spec.says("default"):
        written.add_key("default", "a default on the primary key", "drop it")
    text = written.info.name is TypeName.STR
    if text and written.spec.read_only:
        written.add_key("read_only", "a text key is given by the client", "drop it")
    if text and written.spec.min == 0 and written.spec.says("min"):
        written.add("min", "a key that may be empty", "write 1 or more")

"""Resolves fields. Reason to change: the meaning of an option of fields."""

from dataclasses import replace
from decimal import Decimal
from unicodedata import is_normalized, normalize

from crudgen.language import patterns
from crudgen.language.names import Conventions, FieldName
from crudgen.language.schema import Constant, Field, Now, TypeName
from crudgen.language.types import INT64_MAX, INT64_MIN, MAX_ENUM_VALUE_LENGTH, MAX_ENUM_VALUES
from crudgen.language.written.field import WrittenField
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.written.translation import translated_default
from crudgen.language.yaml.nodes import Plain
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .bounds import with_bounds
from .flags import check_flags
from .naming import Names, check_field_names, derived_names, field_names
from .sample import samples
from .values import as_stored, to_value, value_problem

_MOMENTS = (TypeName.DATE, TypeName.TIME, TypeName.DATETIME)
_JOINERS = {0x200C: None, 0x200D: None}
"""Zero-width joiners, which Persian words and emoji need."""


def implicit_key(conventions: Conventions) -> Field:
    """Return the field `id` that an entity without a primary key field gets."""
    return Field(
        *derived_names(FieldName("id"), conventions),
        TypeName.INT,
        minimum=INT64_MIN,
        maximum=INT64_MAX,
        pk=True,
        read_only=True,
        samples=(1, 2),
    )


def resolve_fields(
    written: WrittenSpec[EntitySpec], conventions: Conventions, problems: Problems
) -> dict[str, Field]:
    """Return the valid fields by name, in order; an implicit key comes first."""
    found: dict[str, Field] = {}
    for name, spec in written.spec.fields.items():
        field = _resolve(WrittenField(written, name, spec, problems, len(problems)), conventions)
        if field:
            found[name] = field
    _check_primary_keys(written, problems)
    _check_former_names(written, problems)
    if not any(spec.pk for spec in written.spec.fields.values()):
        found = {"id": implicit_key(conventions), **found}
    check_field_names(written, found.values(), problems)
    return found


def _check_primary_keys(written: WrittenSpec[EntitySpec], problems: Problems) -> None:
    keys = [name for name, spec in written.spec.fields.items() if spec.pk]
    for name in keys[1:]:
        location = written.locate_key("fields", name, "pk")
        problems.add(
            location, f"the entity already has a primary key: {quoted(keys[0])}", "remove one 'pk'"
        )
    if not keys and "id" in written.spec.fields and "id" not in written.broken:
        location = written.locate_key("fields", "id")
        problem = "'id' is the name of the generated primary key"
        problems.add(location, problem, "mark this field 'pk', or rename it")


def _check_former_names(written: WrittenSpec[EntitySpec], problems: Problems) -> None:
    seen: set[str] = set()
    for name, spec in written.spec.fields.items():
        if spec.was is None:
            continue
        location = written.locate("fields", name, "was")
        if spec.was in written.spec.fields or spec.was in seen:
            problem = f"the former name {quoted(spec.was)} is in use by another field"
            problems.add(location, problem, "remove 'was'")
        seen.add(spec.was)


def _resolve(written: WrittenField, conventions: Conventions) -> Field | None:
    names = field_names(written, conventions)
    check_flags(written)
    if names is None or not written.clean:
        return None
    field = _base_field(written, names)
    for step in (with_bounds, _with_pattern, _with_enum, _with_values, _with_samples):
        field = step(written, field)
        if not written.clean:
            return None
    return field


def _base_field(written: WrittenField, names: Names) -> Field:
    spec = written.spec
    field = Field(
        *names,
        spec.type,
        optional=spec.optional,
        pk=spec.pk,
        index=spec.index,
        unique=spec.unique,
        read_only=spec.read_only or (spec.pk and spec.type is TypeName.UUID),
        write_only=spec.write_only,
        immutable=spec.immutable,
        touch=spec.touch,
        as_sent=spec.as_sent,
        controls=spec.controls,
        doc=spec.doc or None,
    )
    if spec.pk:
        field = replace(field, immutable=not field.read_only)
    return field


def _with_pattern(written: WrittenField, field: Field) -> Field:
    pattern = written.spec.pattern
    if pattern is None:
        return field
    reason = patterns.problem(pattern)
    if reason:
        written.add("pattern", reason)
    elif not field.as_sent and not is_normalized("NFC", pattern):
        remedy = "normalize the pattern, or add the flag 'as_sent': text is stored in NFC"
        written.add("pattern", "the pattern is not in Unicode NFC", remedy)
    return replace(field, pattern=pattern)


def _with_enum(written: WrittenField, field: Field) -> Field:
    words = written.spec.values
    if words is None:
        return field
    if not 1 <= len(words) <= MAX_ENUM_VALUES:
        written.add(
            "values", f"the enum has {len(words)} values", f"allowed: 1 to {MAX_ENUM_VALUES}"
        )
    words = [normalize("NFC", word) for word in words]
    for position, word in enumerate(words[:MAX_ENUM_VALUES]):
        location = written.locate("values", position)
        is_printable = word.translate(_JOINERS).isprintable()
        if not 1 <= len(word) <= MAX_ENUM_VALUE_LENGTH or not is_printable or word != word.strip():
            rule = f"1 to {MAX_ENUM_VALUE_LENGTH} printable characters, without surrounding spaces"
            written.problems.add(location, f"invalid enum value {quoted(word)}", rule)
        elif word in words[:position]:
            written.problems.add(
                location, f"duplicate enum value {quoted(word)}", "remove one of them"
            )
    return replace(field, words=tuple(words))


def _with_values(written: WrittenField, field: Field) -> Field:
    """Return the field with its default, example and former name."""
    if written.spec.is_set("default"):
        field = replace(field, default=_default(written, field))
    elif field.optional:
        field = replace(field, default=Constant(None))
    if written.spec.is_set("example"):
        constant = _constant(written, field, "example", written.spec.example)
        if constant == Constant(None):
            written.add("example", "the example is null", "remove it")
        field = replace(field, example=constant)
    if written.spec.was is not None:
        if not FieldName.PATTERN.fullmatch(written.spec.was):
            written.add("was", f"invalid field name {quoted(written.spec.was)}", FieldName.RULE)
            return field
        field = replace(field, was=FieldName(written.spec.was))
    return field


_NO_NULL = "remove it, or accept null with '?', in the long form 'optional: true'"


def _default(written: WrittenField, field: Field) -> Constant | Now | None:
    default: Plain = written.spec.default
    if default == "now" and field.type is not TypeName.ENUM:
        if field.type in _MOMENTS:
            return Now()
        written.add("default", "the default 'now' is for date, time and datetime only")
        return None
    return _constant(written, field, "default", default)


def _constant(written: WrittenField, field: Field, key: str, plain: Plain) -> Constant | None:
    try:
        value = None if plain is None else to_value(field.type, plain)
    except ValueError as error:
        written.add(
            key, f"invalid {key} for type '{field.type}'", _remedy(field, plain) or str(error)
        )
        return None
    try:
        value = as_stored(field, value)
    except ValueError as error:
        message, remedy = error.args
        written.add(key, f"invalid {key}: {message}", remedy)
        return None
    reason = value_problem(field, value)
    if reason:
        remedy = suggest(value, field.words) if field.words and isinstance(value, str) else ""
        remedy = _NO_NULL if value is None else remedy
        written.add(key, f"invalid {key}: {reason}", remedy)
    elif isinstance(value, Decimal):
        value = value.quantize(Decimal(1).scaleb(-(field.scale or 0)))
    return Constant(value)


def _remedy(field: Field, plain: Plain) -> str:
    """Return the remedy for a default in the spelling of another language."""
    word = translated_default(plain) if isinstance(plain, str) else None
    if word == "null" and not field.optional:
        return _NO_NULL
    possible = {"null": True, "now": field.type in _MOMENTS}
    return f"write '{word}'" if word and possible.get(word, field.type is TypeName.BOOL) else ""


def _with_samples(written: WrittenField, field: Field) -> Field:
    found = samples(field)
    if found:
        return replace(field, samples=found)
    key = "pattern" if written.spec.is_set("pattern") else "type"
    problem = "no valid value was found for the generated tests"
    written.add(key, problem, "add a valid 'example'; the tests use it")
    return field

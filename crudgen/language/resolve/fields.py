"""One written field → its meaning, all filled in. Changes when an option means something else."""

from dataclasses import replace
from decimal import Decimal
from unicodedata import is_normalized, normalize

from crudgen.language import patterns
from crudgen.language.names import FieldName
from crudgen.language.schema import Constant, Field, Now, TypeName
from crudgen.language.types import INT64_MAX, INT64_MIN, MAX_WORD, MAX_WORDS
from crudgen.language.written.field import WrittenField
from crudgen.language.written.reading import Written
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.nodes import Plain
from crudgen.language.yaml.places import Problems, shown, suggest

from .bounds import with_bounds
from .flags import check_flags
from .sample import samples
from .values import as_stored, problem, to_value

_MOMENTS = (TypeName.DATE, TypeName.TIME, TypeName.DATETIME)
_JOINERS = {0x200C: None, 0x200D: None}
"""Persian words and emoji need them."""


def implicit_key() -> Field:
    """Return the `id` of an entity that marks no field as its key."""
    return Field(
        FieldName("id"),
        TypeName.INT,
        minimum=INT64_MIN,
        maximum=INT64_MAX,
        pk=True,
        read_only=True,
        samples=(1, 2),
    )


def resolve_fields(written: Written[EntitySpec], problems: Problems) -> dict[str, Field]:
    """Return the fields that make sense, in their order; an implicit key comes first."""
    found: dict[str, Field] = {}
    for name, spec in written.spec.fields.items():
        field = _resolve(WrittenField(written, name, spec, problems, len(problems)))
        if field:
            found[name] = field
    _check_keys(written, problems)
    _check_former_names(written, problems)
    if any(spec.pk for spec in written.spec.fields.values()):
        return found
    return {"id": implicit_key(), **found}


def _check_keys(written: Written[EntitySpec], problems: Problems) -> None:
    keys = [name for name, spec in written.spec.fields.items() if spec.pk]
    for name in keys[1:]:
        place = written.key("fields", name, "pk")
        problems.add(place, f"a second 'pk', the first is {shown(keys[0])}", "keep one")
    if not keys and "id" in written.spec.fields and "id" not in written.broken:
        place = written.key("fields", "id")
        problem_ = "an entity without a 'pk' gets an 'id' of its own"
        problems.add(place, problem_, "mark this field 'pk', or rename it")


def _check_former_names(written: Written[EntitySpec], problems: Problems) -> None:
    seen: set[str] = set()
    for name, spec in written.spec.fields.items():
        if spec.was is None:
            continue
        place = written.value("fields", name, "was")
        if spec.was in written.spec.fields or spec.was in seen:
            problems.add(place, f"{shown(spec.was)} is the name of another field", "drop 'was'")
        seen.add(spec.was)


def _resolve(written: WrittenField) -> Field | None:
    check_flags(written)
    if not written.clean:
        return None
    field = _described(written)
    for step in (with_bounds, _with_pattern, _with_words, _with_values, _with_samples):
        field = step(written, field)
        if not written.clean:
            return None
    return field


def _described(written: WrittenField) -> Field:
    spec = written.spec
    field = Field(
        FieldName(written.name),
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
    why = patterns.problem(pattern)
    if why:
        written.add("pattern", why)
    elif not field.as_sent and not is_normalized("NFC", pattern):
        remedy = "write each letter as one character, or add 'as_sent': other text is stored in NFC"
        written.add("pattern", "a pattern that is not in Unicode's NFC", remedy)
    return replace(field, pattern=pattern)


def _with_words(written: WrittenField, field: Field) -> Field:
    words = written.spec.values
    if words is None:
        return field
    if not 1 <= len(words) <= MAX_WORDS:
        written.add("values", f"an enum of {len(words)} words", f"1 to {MAX_WORDS} words")
    words = [normalize("NFC", word) for word in words]
    for position, word in enumerate(words[:MAX_WORDS]):
        place = written.value("values", position)
        shows = word.translate(_JOINERS).isprintable()
        if not 1 <= len(word) <= MAX_WORD or not shows or word != word.strip():
            rule = f"1 to {MAX_WORD} printable characters, with no space at an end"
            written.problems.add(place, f"{shown(word)} is no word of an enum", rule)
        elif word in words[:position]:
            written.problems.add(place, f"the word {shown(word)} is written twice", "drop one")
    return replace(field, words=tuple(words))


def _with_values(written: WrittenField, field: Field) -> Field:
    """Add the default, the example and the former name."""
    if written.spec.says("default"):
        field = replace(field, default=_default(written, field))
    elif field.optional:
        field = replace(field, default=Constant(None))
    if written.spec.says("example"):
        constant = _constant(written, field, "example", written.spec.example)
        if constant == Constant(None):
            written.add("example", "an example of nothing", "drop it")
        field = replace(field, example=constant)
    if written.spec.was is not None:
        if not FieldName.PATTERN.fullmatch(written.spec.was):
            written.add("was", f"{shown(written.spec.was)} is no field name", FieldName.RULE)
            return field
        field = replace(field, was=FieldName(written.spec.was))
    return field


def _default(written: WrittenField, field: Field) -> Constant | Now | None:
    default: Plain = written.spec.default
    if default == "now" and field.type is not TypeName.ENUM:
        if field.type in _MOMENTS:
            return Now()
        written.add("default", "'now' is for date, time and datetime")
        return None
    return _constant(written, field, "default", default)


def _constant(written: WrittenField, field: Field, key: str, said: Plain) -> Constant | None:
    try:
        value = None if said is None else to_value(field.type, said)
    except ValueError as error:
        written.add(key, f"the {key} is not a value of '{field.type}'", str(error))
        return None
    try:
        value = as_stored(field, value)
    except ValueError as error:
        message, remedy = error.args
        written.add(key, f"the {key} is not possible: {message}", remedy)
        return None
    why = problem(field, value)
    if why:
        remedy = suggest(value, field.words) if field.words and isinstance(value, str) else ""
        written.add(key, f"the {key} is not possible: {why}", remedy)
    elif isinstance(value, Decimal):
        value = value.quantize(Decimal(1).scaleb(-(field.scale or 0)))
    return Constant(value)


def _with_samples(written: WrittenField, field: Field) -> Field:
    found = samples(field)
    if found:
        return replace(field, samples=found)
    key = "pattern" if written.spec.says("pattern") else "type"
    remedy = "add an 'example' that fits, it is used in tests"
    written.add(key, "no value was found that fits", remedy)
    return field

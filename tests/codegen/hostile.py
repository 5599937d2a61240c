"""A spec with a text in every slot that takes one, and texts that try to become code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from hypothesis import strategies as st

from crudgen.language import load_texts
from crudgen.language.checks import Check
from crudgen.language.conditions.tree import (
    Comparison,
    ConstantValue,
    FieldValue,
    OneOf,
    Operator,
    Or,
)
from crudgen.language.names import FieldName
from crudgen.language.schema import Constant, Entity, Field, Json, Schema

FRAGMENTS = (
    *("'", '"', "'''", '"""', "\\", "\\'", '\\"', "\\\\", '"""\\', "\n", "\r", "\r\n", "\t", "\f"),
    *("\v", "\x00", "\x1b", "\x85", "\u2028", "\u2029", "\ud800", "\udfff", "\u202e", "\u2066"),
    *("\u200b", "\ufeff", "e\u0301", "漢字", "ß", "🦸‍♀️", "İ", "ﬀ", "\uffff", "\U0010ffff"),
    *("{", "}", "{{", "}}", "{{ table }}", "{% raw %}", "{% endfor %}", "{#", "#}", "#", "##"),
    *("%s", "%(name)s", "%", "{0}", "{name!r}", "\\N{BULLET}", "\\x41", "\\u0041", "\\101", "\\"),
    *("f'", 'f"{1}"', "b'", "r'", ";", ",", "(", ")", "[", "]", ":", "=", "\n    ", "\n\n\n", " "),
    *("__import__('os').system('touch /tmp/x')", "import os", "\nimport os\n", "exec(", "pass"),
    *(
        "${x}",
        "$(id)",
        "`id`",
        "<script>",
        "-->",
        "*/",
        "//",
        "--",
        "@",
        "|",
        "name",
        "e",
        "A",
        "0",
    ),
)
TEXTS = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join),
    st.text(st.characters(), max_size=12),
)
"""Any text, mostly made of what has a meaning somewhere."""

SLOTS = 12
"""How many texts `schema_with` takes."""

_SPEC = """
name: Probe
doc: harmless
fields:
  code: {type: str, pk: true, pattern: "[a-z]+", doc: harmless}
  title: {type: str, default: harmless, example: harmless, doc: harmless}
  body: {type: text, optional: true, default: harmless, pattern: "[a-z]+", write_only: true}
  mood: {type: enum, values: [harmless, other], default: harmless}
  data: {type: json, default: {harmless: [harmless, {harmless: harmless}]}, example: [harmless]}
  raw: {type: bytes, default: aGFybWxlc3M=}
  raw2: {type: bytes, optional: true, default: aGFybWxlc3M=, read_only: true}
  contact: {type: email, default: a@example.com, doc: harmless}
  page: {type: url, default: "http://example.com/"}
  hidden: {type: json, optional: true, write_only: true, default: harmless}
"""


@dataclass(frozen=True)
class Slots:
    """Replaces the texts of the spec."""

    texts: Sequence[str]

    def json(self, first: int) -> Json:
        one, two, three, four = (self.texts[(first + step) % SLOTS] for step in range(4))
        return {one: [two, {three: four}]}

    def fields(self, entity: Entity) -> tuple[Field, ...]:
        text = self.texts
        code, title, body, mood, data, raw, raw2, contact, page, hidden = entity.fields
        return (
            replace(code, pattern=text[0], doc=text[1], samples=(text[2], text[3])),
            replace(title, default=Constant(text[3]), example=Constant(text[4]), doc=text[5]),
            replace(body, default=Constant(text[6]), pattern=text[7], samples=(text[6], text[7])),
            replace(mood, words=(text[8], text[9]), default=Constant(text[8])),
            replace(data, default=Constant(self.json(10)), example=Constant([text[2]])),
            replace(raw, default=Constant(as_bytes(text[3])), samples=(as_bytes(text[4]), b"")),
            replace(raw2, default=Constant(as_bytes(text[5]))),
            replace(contact, default=Constant(text[6]), doc=text[7], example=Constant(text[8])),
            replace(page, default=Constant(text[9]), samples=(text[10], text[11])),
            replace(hidden, default=Constant(text[0]), samples=(self.json(1), text[2])),
        )

    def check(self, field: FieldName) -> Check:
        """Return a check that every row meets: the field is no text."""
        text = self.texts
        value, other = ConstantValue(text[9]), ConstantValue(text[10])
        unequal = Comparison(FieldValue(field), Operator.UNEQUAL, value)
        condition = Or((unequal, OneOf(FieldValue(field), (other, value))))
        return Check(condition, name=text[7], says=text[8])


@cache
def _probe() -> Schema:
    return load_texts({"probe.yaml": _SPEC})


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def schema_with(texts: Sequence[str]) -> Schema:
    """Put texts into every slot, past the limits of the language: the door holds by itself."""
    schema = _probe()
    entity = schema.entities[0]
    # An entity without a doc has a docstring of crudgen's own.
    slots = Slots(texts)
    checks = (slots.check(entity.field(FieldName("raw2")).name),)
    entity = replace(entity, doc=texts[11] or "-", fields=slots.fields(entity), checks=checks)
    title, version, database = texts[0], texts[1], texts[2]
    return replace(schema, entities=(entity,), title=title, version=version, database=database)

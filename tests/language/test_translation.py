"""Fields in the spelling of other languages: the remedy of the message is a line that works."""

import re
from pathlib import Path

import pytest

from crudgen.errors import SpecError
from crudgen.language import load, load_texts
from crudgen.language.operations import Operation
from crudgen.language.written import spellings
from crudgen.language.written.relations import LinkSpec, ReferenceSpec
from crudgen.language.written.spec import EntitySpec, FieldSpec
from crudgen.language.written.translation import MAX_LENGTH, translated

pytestmark = pytest.mark.long

CASES = Path(__file__).parent.parent / "cases" / "diagnostics"

SPELLINGS: dict[str, str] = {
    "str | None": "str?",
    "str|None": "str?",
    "None | str": "str?",
    "Optional[str]": "str?",
    "Union[str, None]": "str?",
    "str(1..80) | None": "str(1..80)?",
    "str nullable": "str?",
    "str optional": "str?",
    "str required": "str",
    "str primary_key": "str pk",
    "int primary key": "int pk",
    "datetime = now()": "datetime = now",
    "date = today": "date = now",
    "datetime = utcnow": "datetime = now",
    "datetime = datetime.utcnow": "datetime = now",
    "datetime default now()": "datetime = now",
    "datetime = timezone.now": "datetime = now",
    "datetime default CURRENT_TIMESTAMP": "datetime = now",
    "number": "int | float | decimal(10,2)",
    "timestamp": "datetime",
    "integer": "int",
    "string": "str",
    "string?": "str?",
    "varchar(80)": "str(..80)",
    "VARCHAR(80) NOT NULL": "str(..80)",
    "String(80)": "str(..80)",
    "String(80), nullable=False": "str(..80)",
    "boolean": "bool",
    "Boolean = false": "bool = false",
    "enum(new old)": "enum(new, old)",
    "enum(new|old)": "enum(new, old)",
    "enum['new', 'old']": "enum(new, old)",
    "enum: [a, b]": "enum(a, b)",
    "enum('a','b')": "enum(a, b)",
    'Literal["a", "b"]': "enum(a, b)",
    "choices(a, b)": "enum(a, b)",
    "choices": "enum(red, green)",
    "str max_length: 80": "str max(80)",
    "str max_length=80": "str max(80)",
    "str default: x": "str = x",
    "int default 5": "int = 5",
    "int default(5)": "int = 5",
    "str not null": "str",
    "TEXT NOT NULL": "text",
    "datetime auto_now": "datetime = now read_only touch",
    "datetime auto_now_add": "datetime = now read_only",
    "CharField(max_length=80)": "str max(80)",
    "models.CharField(max_length=80, null=True, unique=True)": "str? max(80) unique",
    "models.DecimalField(max_digits=8, decimal_places=3)": "decimal(8,3)",
    "models.BooleanField(default=False)": "bool = false",
    "models.DateTimeField(auto_now_add=True)": "datetime = now read_only",
    "Int @id": "int pk",
    "int autoincrement": "int pk read_only",
    "Int @id @default(autoincrement())": "int pk read_only",
    "@id": "int pk read_only",
    "DateTime @default(now())": "datetime = now",
    "String @unique": "str unique",
    "Int?": "int?",
    "DateTime": "datetime",
    "DateTime @updatedAt": "datetime = now read_only touch",
    "Decimal(10,2)": "decimal(10,2)",
    "Decimal(10, 2)": "decimal(10,2)",
    "Decimal": "decimal(10,2)",
    "BigInteger": "int",
    "list[str]": "json",
    "List[int]": "json",
    "dict": "json",
    "dict[str, Any]": "json",
    "String[]": "json",
    "Json": "json",
    "str hidden": "str write_only",
    "Column(String(80), nullable=False, index=True)": "str(..80) index",
    "mapped_column(String(30))": "str(..30)",
    "Mapped[str | None]": "str?",
    "Mapped[Optional[int]]": "int?",
    "INTEGER PRIMARY KEY AUTOINCREMENT": "int pk read_only",
    "uuid primary key default gen_random_uuid()": "uuid pk",
    "timestamptz not null default now()": "datetime = now",
    "numeric(12,2) DEFAULT 0": "decimal(12,2) = 0",
    "character varying(80)": "str(..80)",
    "double precision": "float",
    "str = None": "str?",
    "str Field(max_length=80)": "str max(80)",
    "str = Field(default=None, max_length=80)": "str? max(80)",
    "str(80)": "str(..80)",
    "Str": "str",
    "UUID": "uuid",
    "EmailStr": "email",
    "HttpUrl": "url",
    "varchar(80) DEFAULT 'x y' UNIQUE": "str(..80) = 'x y' unique",
    "int = 5 required": "int = 5",
    "string(1..80) unique": "str(1..80) unique",
    "int index = 5": "int = 5 index",
    "String? @db.VarChar(80)": "str?",
    "SERIAL": "int pk read_only",
    "bigserial primary key": "int pk read_only",
    "bool = True": "bool = true",
    "float ge=0 le=1": "float min(0) max(1)",
    "str regex='[a-z]+'": "str pattern('[a-z]+')",
    "PositiveIntegerField()": "int(0..)",
    "models.TextField(blank=True)": "text?",
    "password": "str(8..) write_only",
    "models.SlugField()": "str(1..80) pattern([a-z0-9-]+) unique",
    "str = uuid4()": "str",
    "uuid = uuid4": "uuid",
    "str, required": "str",
    "str[]": "json",
    "int(>0)": "int(1..)",
    "int(>=0)": "int(0..)",
    "int(<10)": "int(..9)",
    "int(> -5)": "int(-4..)",
    "int(1-5)": "int(1..5)",
    "int(-5--1)": "int(-5..-1)",
    "int(1, 5)": "int(1..5)",
    "int(1:5)": "int(1..5)",
    "int(1 to 5)": "int(1..5)",
    "int(1...5)": "int(1..5)",
    "integer(1-5)": "int(1..5)",
    "int(11)": "int",
    "int identity(1,10)": "int pk read_only",
    "float(>=0.5)": "float(0.5..)",
    "float(0-1.5)": "float(0..1.5)",
    "float(10,2)": "float",
    "str(1-80)": "str(1..80)",
    "str(<=80)": "str(..80)",
    "str(>0)?": "str(1..)?",
    "varchar(1,80)": "str(1..80)",
    "bytes(<100)": "bytes(..99)",
}
UNKNOWN = (
    "strng",
    "str indx",
    "INT(11) UNSIGNED",
    "a",
    "index",
    "str",
    "str(1..80)? index",
    "float(>0)",
    "int(<1.5)",
)


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_familiar_spelling_is_translated(text: str) -> None:
    assert " | ".join(translated(text)) == SPELLINGS[text]


@pytest.mark.parametrize("text", UNKNOWN)
def test_other_text_is_not_translated(text: str) -> None:
    assert translated(text) == ()


@pytest.mark.parametrize("short", sorted({*" | ".join(SPELLINGS.values()).split(" | ")}))
def test_a_translation_is_valid(short: str) -> None:
    load_texts({"hero.yaml": f"name: Hero\nfields:\n  other: str\n  a: {short}\n"})


DEFAULTS = {text for text in SPELLINGS if re.fullmatch(r"\w+ = [\w.]+", text)}
"""Correct in form: the message is about the value, see the case `familiar_default`."""


@pytest.mark.parametrize("text", sorted({*SPELLINGS} - DEFAULTS))
def test_a_familiar_spelling_has_one_message(text: str) -> None:
    """The message says which line to write, and is the only one."""
    with pytest.raises(SpecError) as caught:
        load_texts({"hero.yaml": f"name: Hero\nfields:\n  a: {text}\n"})
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.line == 3
    assert f"'a: {SPELLINGS[text].split(' | ')[0]}'" in diagnostic.remedy


@pytest.mark.parametrize("kind", sorted(folder.name for folder in CASES.glob("familiar_*")))
def test_a_remedy_is_accepted_in_place_of_the_line(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CASES / kind)
    with pytest.raises(SpecError) as caught:
        load("entities")
    for diagnostic in caught.value.diagnostics:
        remedy = re.fullmatch(r"write '(\w+: .*)'(?:, with a space)?", diagnostic.remedy)
        for line in re.split(r"'(?:,| or) '", remedy[1]) if remedy else ():
            if diagnostic.source.strip().startswith(line.partition(":")[0]):
                load_texts({"hero.yaml": f"name: Hero\nfields:\n  other: str\n  {line}\n"})


def test_remedies_in_the_long_form_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    remedies = []
    for kind in ("default_json", "long_short_form"):
        monkeypatch.chdir(CASES / kind)
        with pytest.raises(SpecError) as caught:
            load("entities")
        remedies += [found.remedy for found in caught.value.diagnostics]
    keys = [found[1] for text in remedies if (found := re.search(r"(type: .*?)\}?'$", text))]
    assert len(keys) == 10
    for written in keys:
        load_texts({"hero.yaml": f"name: Hero\nfields:\n  other: str\n  a: {{{written}}}\n"})


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("12 Main St", '= "12 Main St"'), ('a "b" c index', r'= "a \"b\" c"')],
)
def test_a_quoted_default_is_accepted(text: str, remedy: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"'{remedy}'")):
        load_texts({"hero.yaml": f"name: Hero\nfields:\n  a: str = {text}\n"})
    load_texts({"hero.yaml": f"name: Hero\nfields:\n  a: str {remedy}\n"})


def test_operations_in_other_words_are_no_operations() -> None:
    assert not {*spellings.OPERATIONS} & {*Operation}


def test_keys_of_entities_lead_to_keys() -> None:
    for key, written in spellings.ENTITY_KEYS.items():
        keys = {*EntitySpec.allowed_keys()}
        assert key not in keys
        assert written.partition(":")[0] in keys


def test_keys_lead_to_keys() -> None:
    for key, written in spellings.KEYS.items():
        keys = {*FieldSpec.allowed_keys()}
        assert key not in keys
        assert (keys | {"to"}).issuperset(re.findall(r"(\w+): ", written))
    for model, rows in ((ReferenceSpec, spellings.REFERENCE_KEYS), (LinkSpec, spellings.LINK_KEYS)):
        for key, written in rows.items():
            assert key not in model.allowed_keys()
            assert written.partition(":")[0] in model.allowed_keys()


@pytest.mark.parametrize(
    "text",
    [
        "str " + "(" * MAX_LENGTH,
        "CharField(" + "a=(" * 60,
        "x" * MAX_LENGTH,
        "default(" * 25,
        "datetime" + ".datetime" * 20,
        "str " + "= " * 90,
        "[" * 190,
        "a" * 10**6,
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    assert len(translated(text)) < 2

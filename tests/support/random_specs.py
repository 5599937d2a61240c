"""Random entities at the extremes of what the language allows; the same for the same seed."""

# ruff: noqa: RUF001 - the texts are meant to look like others

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from crudgen.errors import SpecError
from crudgen.language import Schema, load_texts
from crudgen.language.types import FLAGS, TYPES, TypeInfo

WORDS = (
    *("a", "id", "name", "x1", "user", "value", "long", "2nd", "created", "metadata", "internal"),
    *("01", "007", "0", "identifier", "international", "responsibilities", "10"),
)
TEXTS = (
    "Short.",
    "It's a 'quoted' word.",
    'He said "no"',
    "All \" of ' them",
    "Ends with a backslash \\",
    "\\n is no line break, \\u0041 no letter, {name} and {{ name }} nothing special",
    'Three """ quotes """',
    "One line.\n\nAnother paragraph.\n  - with a list\n  - of 'two'\n",
    'First line\nlast line "quoted"',
    "\n\n  Leading and trailing white space \t \n\n",
    "Ελληνικά: ο άνθρωπος και η θάλασσα",
    "Кириллица и ё",
    "漢字とひらがなとカタカナ。",
    "한국어 텍스트",
    "Emoji 🦸‍♀️ and a flag 🇩🇪",
    "Combining e\u0301 and bidi \u202e control, soft\u00adhyphen, nbsp\u00a0here",
    "curly ’quotes‘ – and — dashes … × ∗ ／",
    "A very long text that has no line break at all " * 5,
    "漢字" * 60,
    "unbroken" * 30,
    "Something of middle length, " * 3,
)
NUMBERS = (
    *("0", "1", "-1", "7", "1e16", "1e-7", "5e-324", "-0.0", "1.5", "123456789.123456789"),
    *("1e22", "1.7976931348623157e308", "-9223372036854775808", "9223372036854775807", "0.1"),
    *("-2.5", "12345678901234567", "100", "65535", "255", "20", "3", "18446744073709551616"),
)
BOUNDS = tuple(number for number in NUMBERS if "e308" not in number)
SMALL = ("0", "0.1", "-0.5", "0.9", "0.25", "1e-7", "12345678.25", "-99999999.99", "7")
DEFAULTS: dict[str, tuple[Any, ...]] = {
    "bool": (True, False),
    "date": ("now", "2024-02-29", "0001-01-01", "9999-12-31"),
    "time": ("now", "22:30:00", "00:00:00.000001", "12:30"),
    "datetime": ("now", "2024-02-29T12:30:00Z", "2024-02-29T12:30:00.123456+05:45"),
    "uuid": ("0190b0f0-0000-7000-8000-000000000001", "00000000-0000-0000-0000-000000000000"),
    "email": ("someone@example.com", f"{'a' * 60}@{'b' * 60}.example.com"),
    "url": ("https://example.com/", f"https://example.com/{'path/' * 30}?q='x'"),
    "bytes": ("", "AAAA", "Iic=", "XCIn" * 40, "/+8A" * 9),
}
TEXT_DEFAULTS = ("", "a", 'say "hi"', "it's", "x" * 60, "y" * 90, "漢" * 30, "ö" * 45, "\\", "\t\n")
QUOTED_NAMES = (
    "A b",
    "größe",
    'x"y',
    "50%",
    "select",
    "a:b",
    "it's",
    "[c]",
    "--",
    "%(d)s",
    "x" * 40,
)
LENGTHS = (0, 1, 2, 40, 255, 600, 65535)
PATTERNS = ("[a-z]+", "[^\"']{1,20}\\d", "(?i)abc", ".*", "[a-z]{0,60}" + "|[0-9]{2}" * 12)
DIGITS = ((1, 1), (1, 0), (10, 2), (18, 17), (18, 18), (18, 0))


@dataclass
class Dice:
    """Everything that is chosen."""

    random: Random

    def some(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    def one(self, of: Any) -> Any:
        return self.random.choice(list(of))

    def snake(self, longest: int) -> str:
        """Make a name; often one as long as possible."""
        if self.some(0.4):
            longest = self.random.randint(1, longest)
        name: str = self.one("abcxyz")
        while len(name) < longest:
            name += self.one(("_", "")) + self.one(WORDS)
        return name[:longest].replace("__", "_u").rstrip("_")

    def camel(self, longest: int) -> str:
        parts = self.snake(longest).split("_")
        camel = "".join(part.upper() if self.some(0.1) else part.capitalize() for part in parts)
        return camel[:longest]

    def database_name(self) -> str:
        """Make a name that has to be quoted."""
        return f"{self.one(QUOTED_NAMES)}{self.random.randint(0, 99)}"

    def number(self) -> Any:
        return Literal(self.one(NUMBERS))

    def json(self, depth: int = 0) -> Any:
        kind = self.random.randint(0, 7 if depth < 4 else 4)
        if kind <= 1:
            return self.one((*TEXTS, "", "a", "b"))
        if kind == 2:
            return Literal(self.one(NUMBERS[:-1]))
        if kind <= 4:
            return self.one((None, True, False))
        size = self.random.randint(0, 5)
        if kind == 5:
            return {self.one((*TEXT_DEFAULTS, *WORDS, "k" * 110)): self.json(depth + 1)}
        if kind == 6:
            return {f"key{index}": self.json(depth + 1) for index in range(size)}
        return [self.json(depth + 1) for _ in range(size)]

    def field(self) -> dict[str, Any]:
        info = self.one(TYPES.values())
        field: dict[str, Any] = {"type": str(info.name)}
        for flag in FLAGS:
            if flag != "pk" and flag in info.flags and self.some(0.15):
                field[flag] = True
        if field.get("touch"):
            field |= {"read_only": True, "default": "now"}
        if field.get("read_only"):
            field |= {"write_only": False, "immutable": False}
            field.setdefault("optional", True)
        if self.some(0.3):
            field["optional"] = True
        if self.some(0.4):
            field["doc"] = self.one(TEXTS)
        self._options(info, field)
        for key in ("default", "example"):
            if key not in field and self.some(0.4):
                field[key] = self._value(field)
        return field

    def _options(self, info: TypeInfo, field: dict[str, Any]) -> None:
        if self.some(0.2):
            field["column"] = self.database_name()
        if self.some(0.2):
            field["json"] = f"{self.camel(30)}{self.random.randint(0, 99)}"
        for key in ("min", "max"):
            if key in info.options and self.some(0.3):
                lengths = info.max_length is not None
                field[key] = self.one(LENGTHS) if lengths else self._bound(field)
        if info.text and (field.get("unique") or field.get("index")):
            field["max"] = self.one((40, 600))
        if "pattern" in info.options and self.some(0.2):
            field["pattern"] = self.one(PATTERNS)
        if field["type"] == "decimal":
            field["precision"], field["scale"] = self.one(DIGITS)
        if field["type"] == "enum":
            count = self.one((1, 2, 5, 30, 200))
            field["values"] = [f"{self.snake(56)}.{index}" for index in range(count)]

    def _bound(self, field: dict[str, Any]) -> Any:
        return Literal(self.one(SMALL if field["type"] == "decimal" else BOUNDS))

    def _value(self, field: dict[str, Any]) -> Any:
        kind = field["type"]
        if kind == "json":
            return self.json()
        if kind == "enum":
            return self.one(field["values"])
        if kind in ("str", "text"):
            return self.one((*TEXT_DEFAULTS, *TEXTS))
        return self.one(DEFAULTS[kind]) if kind in DEFAULTS else self._bound(field)

    def entity(self, fields: int) -> dict[str, Any]:
        entity: dict[str, Any] = {"name": self.camel(40), "fields": {}}
        entity["plural"] = self.snake(60)
        if self.some():
            entity["table"] = self.one((self.snake(20), self.database_name()))
        if self.some():
            entity["doc"] = self.one(TEXTS)
        if self.some(0.3):
            entity["path"] = "/" + "/".join(self.one(WORDS[:5]) * 3 for _ in range(3))
        kind = self.one(("int", "str", "uuid")) if self.some() else None
        if self.some():
            entity["api"] = self._api(BULK[:1] if kind == "str" else BULK)
        if kind is not None:
            key: dict[str, Any] = {"type": kind, "pk": True}
            if kind == "str" and self.some():
                key |= {"pattern": "[a-z]+", "max": self.one((20, 600)), "min": 1}
            if self.some():
                key["doc"] = self.one(TEXTS)
            entity["fields"][self.snake(60)] = key
        for _ in range(self.random.randint(0, fields)):
            self._add(entity, self.snake(60), self.field())
        if not entity["fields"]:
            self._add(entity, "name", {"type": "str"})
        self._add_indexes(entity)
        Dice(Random(entity["name"])).add_checks(entity)  # noqa: S311 - the same for the same name
        return entity

    def _api(self, bulk: Sequence[str]) -> dict[str, Any]:
        every = ["create", "list", "read", "update", "replace", "delete", *bulk]
        kept = [operation for operation in every if self.some(0.6)]
        api: dict[str, Any] = {"operations": kept or ["list"]}
        if {"create", "create_many"} & {*kept} and self.some():
            api["idempotency"] = True
        if {"create", "create_many"} & {*kept} and len(kept) % 2:
            api["created"] = 201
        return api

    def _add(self, entity: dict[str, Any], name: str, field: dict[str, Any]) -> None:
        """Add a field that the language takes; drop what it does not."""
        while not taken(name, field):
            droppable = [key for key in field if key in VALUES] or [
                key for key in field if key not in NEEDED
            ]
            if not droppable:
                return
            plainer = [{k: v for k, v in field.items() if k != key} for key in droppable]
            field = next((each for each in plainer if taken(name, each)), self.one(plainer))
        entity["fields"].setdefault(name, field)

    def _add_indexes(self, entity: dict[str, Any]) -> None:
        kinds = {"int", "bool", "date", "uuid", "float"}
        names = [name for name, field in entity["fields"].items() if field["type"] in kinds]
        for key in ("unique", "index"):
            if len(names) >= 2 and self.some():
                entity[key] = [self.random.sample(names, 2)]

    def add_checks(self, entity: dict[str, Any]) -> None:
        """Add conditions about one field, and about two of one type."""
        fields: dict[str, dict[str, Any]] = entity["fields"]
        rules = []
        for name, field in fields.items():
            others = [each for each in fields if fields[each]["type"] == field["type"] != name]
            if field.get("optional"):
                rules.append(f"{name} is null or not ({name} is null)")
            if len(others) > 1 and self.some():
                rules.append(f"{name} {self.one(('=', '!=', '<', '>='))} {self.one(others)}")
            if field["type"] == "enum":
                rules.append(
                    f"{name} in ('{field['values'][0]}') or {name} != '{field['values'][-1]}'"
                )
            if field["type"] == "bool":
                rules.append(f"not {name} or {name}")
        found: list[Any] = []
        for rule in self.random.sample(rules, min(3, len(rules))):
            says = {"says": " ".join(self.one(TEXTS).split())[:200] or "No."}
            check = {"rule": rule, **(says if self.some() else {})}
            if accepted({**entity, "check": [*found, check]}):
                found.append(check)
        if found:
            entity["check"] = found


BULK = ("create_many", "update_many", "delete_many")
VALUES = ("default", "example", "pattern")
"""What is dropped first: flags are what the specs are for."""
NEEDED = ("type", "precision", "scale", "values")


class Literal(str):
    """A number as it is written."""

    __slots__ = ()


def written(value: Any) -> str:
    """Write a value as JSON, which is YAML too; numbers keep their spelling."""
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, dict):
        items = (f"{json.dumps(str(key))}: {written(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(item) for item in value) + "]"
    return json.dumps(value)


def taken(name: str, field: dict[str, Any]) -> bool:
    return accepted({"name": "Trial", "fields": {name: field, "other": {"type": "bool"}}})


def accepted(entity: dict[str, Any]) -> bool:
    return not refused([entity])


def refused(entities: list[dict[str, Any]]) -> set[str]:
    """Return the files that the language refuses, as `load` names them."""
    try:
        load(entities)
    except SpecError as error:
        return {found.file for found in error.diagnostics}
    return set()


def load(entities: list[dict[str, Any]]) -> Schema:
    return load_texts({f"e{index}.yaml": written(each) for index, each in enumerate(entities)})


@cache
def random_schema(seed: int, entities: int, fields: int = 12) -> Schema:
    """Make a schema of so many random entities that live together."""
    dice = Dice(Random(seed))  # noqa: S311 - the same at every run
    found: list[dict[str, Any]] = []
    for _ in range(20 * entities):
        entity = dice.entity(fields)
        if accepted(entity):
            found.append(entity)
        if len(found) == entities:
            files = refused(found)
            if not files:
                return load(found)
            found = [each for index, each in enumerate(found) if f"e{index}.yaml" not in files]
    raise AssertionError(refused(found))

"""References in the spelling of other languages. Reason to change: another spelling of one.

They are those of SQL, SQLAlchemy, SQLModel, Django, Prisma, Rails and of type annotations. All
patterns but that of an entity alone ignore upper and lower case.
"""

import re

from crudgen.language.names import ClassName, singular_of
from crudgen.language.schema import TypeName
from crudgen.language.types import REFERENCE_OPTIONS
from crudgen.language.yaml.problems import suggest

_ENTITY = r"[\s(:=\[]*['\"]?(?!inverse\()(?P<entity>[a-z_]\w*)(?:\.\w+|\(\w+\))?['\"]?[\s)\]]*"
_MANY = (
    rf"(?:list|array|set|sequence|collection|iterable)\[{_ENTITY}\]?",
    rf"{_ENTITY}\[\]",
    rf"->\s*(?:\[{_ENTITY}\]|list\[{_ENTITY.replace('entity', 'listed')}\])",
    rf"(?:has_?many|has_and_belongs_to_many|(?:one|many)_?to_?many(?:_?field)?)\b{_ENTITY}.*",
)
"""Patterns of several rows. An entity in them is capitalized."""
_ONE: tuple[tuple[str, str], ...] = (
    (r"(?:\w+\s+)?(?:(?:-+|=+|~)>|→|- >|>(?=\s*[a-z]))", ""),
    (r"(?:has_?one|one_?to_?one(?:_?field)?)\b", "unique"),
    (r"(?:\w+\s+)?(?:references?|foreign[ _]?key(?:_?field)?|fk)\b(?:\s+references\b)?", ""),
    (r"(?:ref|refers_?to|belongs_?to|many_?to_?one|relation(?:ship)?|lookup|link(?:s_to)?)\b", ""),
)
"""Patterns that precede an entity, and the option that they mean."""
_ALONE = re.compile(r"(?P<quote>['\"]?)(?P<entity>[A-Z][a-z]\w*)(?P=quote)")
_ACTION = r"\bon[ _]?delete *[:=(]? *(?:models\.|db\.)?['\"]?"
_WORDS: tuple[tuple[str, str], ...] = (
    (rf"{_ACTION}cascade['\"]?\)?", " cascade "),
    (rf"{_ACTION}set[ _]?null['\"]?\)?", " ? set_null "),
    (rf"{_ACTION}(?:restrict|protect|no[ _]?action|do_nothing)['\"]?\)?", " "),
    (
        r"\b(?:back_?populates|related_name|back_?ref|inverse|inverse_of) *[:=] *['\"]?(\w+)['\"]?",
        r" inverse(\1) ",
    ),
    (r"@relation\([^()]*\)", " "),
    (r"\bset null\b", " set_null "),
    (r"\b(?:primaryjoin|lazy|to_field)\b *=? *\S*", " "),
)
"""Patterns of options of references, and their replacements; before those of all fields."""
_PART = re.compile(r"\?|= *\S+|\w+\([^()]*\)|\w+")


def entity_of_list(text: str) -> str | None:
    """Return the entity of a field with several rows, such as `List[Hero]`, or None."""
    for pattern in _MANY:
        found = re.fullmatch(pattern, text.strip(), re.IGNORECASE)
        entity = found and (found["entity"] or found.groupdict().get("listed"))
        if entity and _is_entity(entity):
            return entity
    return None


def _is_entity(word: str) -> bool:
    """Return whether a word in brackets can be an entity: `List[String]` has no entity."""
    return bool(_ALONE.fullmatch(word)) and word.lower() not in _OTHER_TYPES


_OTHER_TYPES = {
    *TypeName,
    *("string", "integer", "number", "boolean", "any", "object", "dict", "list", "long", "double"),
    *("tuple", "set", "mapping", "map", "record", "numeric", "timestamp", "optional", "union"),
}


def entity_after_keyword(text: str) -> tuple[str, str] | None:
    """Return the entity after a word such as `references`, and the rest of the text, or None."""
    for pattern, option in _ONE:
        found = re.match(rf"(?:{pattern})(?:{_ENTITY}|\b)", text, re.IGNORECASE)
        if found:
            return found["entity"] or "", f"{text[found.end() :]} {option}"
    return None


def entity_alone(text: str) -> tuple[str, str] | None:
    """Split `Team? unique` into the entity and the rest; return None for other texts."""
    found = _ALONE.match(text)
    if found is None or not suggest(found["entity"], TypeName).startswith("allowed"):
        return None
    return found["entity"], text[found.end() :]


def class_name(entity: str) -> str:
    """Convert the name of a table to that of an entity: `blog_posts` to `BlogPost`."""
    if entity[:1].isupper():
        return entity
    return "".join(word[:1].upper() + word[1:] for word in singular_of(entity).split("_"))


def with_reference_options(text: str) -> str:
    """Replace options in other languages, such as `on delete cascade`, by those of a spec."""
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    return text


def short_form(entity: str, rest: str) -> str | None:
    """Return the short form of a reference with options, or None if an option is unknown."""
    optional, default, options = "", "", []
    if re.search(r"[^\s,;()\[\]]", _PART.sub("", rest)):
        return None
    for part in _PART.findall(rest):
        word = part.partition("(")[0]
        if part == "?":
            optional = "?"
        elif part.startswith("="):
            default = f" = {part[1:].strip()}"
        elif word == "index":
            continue
        elif word not in REFERENCE_OPTIONS:
            return None
        elif part not in options:
            options.append(part)
    name = class_name(entity)
    if not ClassName.PATTERN.fullmatch(name):
        return None
    optional = "?" if "set_null" in options else optional
    return " ".join([f"-> {name}{optional}{default}", *options])

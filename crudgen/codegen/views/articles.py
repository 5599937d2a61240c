"""Nouns with articles, for generated docstrings. Reason to change: a noun with a wrong one."""

import re

from crudgen.codegen.code import Code, raw, words
from crudgen.language.schema import Entity

_VOWEL_SOUND = re.compile(r"(?!eu|one|ubi|uni|use|usu|uti)[aeiou]|heir|honest|honor|hour")
"""Starts of words that take the article "an"."""


def a_row(entity: Entity, *, capitalized: bool = False) -> Code:
    """Return the singular with its article: `a hero`, `an order item`."""
    if _VOWEL_SOUND.match(entity.singular):
        article = raw("An ") if capitalized else raw("an ")
    else:
        article = raw("A ") if capitalized else raw("a ")
    return article + words(entity.singular)

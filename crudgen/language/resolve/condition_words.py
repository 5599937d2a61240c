"""Words that conditions do not have. Reason to change: another word that users may try."""

_WORDS = ("and", "or", "not", "in", "is", "null", "true", "false")
"""The keywords of conditions."""
FOREIGN_WORDS = {
    "between": "write '>=' and '<=', such as 'a >= 1 and a <= 5'",
    **dict.fromkeys(("like", "ilike", "matches", "regexp"), "write a 'pattern' at the field"),
    **dict.fromkeys(("equals", "eq"), "write '='"),
    **dict.fromkeys(("isnull",), "write 'is null'"),
    **dict.fromkeys(("notnull",), "write 'is not null'"),
    **dict.fromkeys(("xor", "implies", "then"), "write 'not a or b' for 'a implies b'"),
}
"""What to write instead of the operators of other languages."""
_OF_TIME = "a CHECK constraint cannot depend on the time"
NOT_IN_CHECKS = "a check is about the values of one row"
IMPOSSIBLE_IN_CHECKS = {
    "now": (_OF_TIME, "compare with a field, such as one with the default 'now'"),
    "today": (_OF_TIME, "compare with a field, such as one with the default 'now'"),
    "me": (NOT_IN_CHECKS, "remove it: a check does not know the caller"),
    "old": (NOT_IN_CHECKS, "remove it: a check does not know the former values"),
    "new": (NOT_IN_CHECKS, "write the name of the field alone"),
}
"""Why a check cannot have a word that rules have, and what to do."""


def is_upper_keyword(word: str) -> bool:
    """Return whether a word is a keyword in capitals."""
    return word.lower() in _WORDS and word not in _WORDS


def is_foreign_word(word: str) -> bool:
    """Return whether a word is an operator of another language, or a keyword in capitals."""
    return is_upper_keyword(word) or word.lower() in FOREIGN_WORDS

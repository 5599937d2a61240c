"""Names of properties that the API adds to rows. Reason to change: another one of a relation."""

from .names import FieldName, plural_of, singular_of
from .relations import Relation

MAX_PLURAL = 54
"""Maximum length of the name of a relation to many rows, so that all properties are names."""


def more_property(relation: Relation) -> str:
    """Return the name `heroes_more`: the property says whether more related rows exist."""
    return relation.name + "_more"


def count_property(relation: Relation) -> str:
    """Return `heroes_count`: the number of related rows."""
    return relation.name + "_count"


def keys_property(relation: Relation, key: FieldName) -> str:
    """Return `power_ids`: the keys of the linked rows. `key` is the key of their entity."""
    return f"{singular_of(relation.name)}_{plural_of(key)}"

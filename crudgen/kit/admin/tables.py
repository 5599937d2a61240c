"""What the admin page shows: tables and their properties."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Protocol

_TEXTS = frozenset({"str", "text", "email", "url"})
_LARGE = frozenset({"bytes", "json"})


class HasRoles(Protocol):
    """A caller with roles."""

    @property
    def roles(self) -> frozenset[str]:
        """The roles of the caller."""
        ...


@dataclass(frozen=True)
class Property:
    """A property of the rows of a table. `kind` is its type in the spec."""

    name: str
    kind: str
    _: KW_ONLY
    optional: bool = False
    """Whether it can be null."""
    required: bool = False
    """Whether the body of a create must contain it."""
    default: str = ""
    """The text in the form of a new row."""
    words: Sequence[str] = ()
    """The values of an enum."""
    refers: str = ""
    """The name of the table whose keys are its values."""
    many: bool = False
    """Whether the value is a list of keys."""
    read: bool = True
    """Whether responses contain it."""
    create: bool = True
    """Whether the body of a create can contain it."""
    update: bool = True
    """Whether an update changes it."""
    filter: bool = True
    """Whether lists can be filtered by it."""
    sort: bool = True
    """Whether lists can be sorted by it."""
    ruled: bool = False
    """Whether rules hide it from some callers."""
    label: str = ""
    """What the page calls it; by default the name as words, such as `Secret name`."""
    doc: str = ""
    """The hint below its input."""

    def __post_init__(self) -> None:
        """Set the label that is not given."""
        object.__setattr__(self, "label", self.label or _as_words(self.name))

    @property
    def is_text(self) -> bool:
        """Whether any text can be its value."""
        return self.kind in _TEXTS

    @property
    def is_large(self) -> bool:
        """Whether lists do not show it, because of its size."""
        return self.kind in _LARGE


@dataclass(frozen=True)
class Action:
    """An operation on one row, such as `POST /heroes/1/promote`."""

    name: str
    takes: Sequence[Property] = ()
    """The properties of its body."""
    right: str = "update"
    """What a caller must be allowed to do with the row."""
    doc: str = ""
    """What it does."""

    @property
    def label(self) -> str:
        """The name as words."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Table:
    """A table: the paths of an entity in the API."""

    name: str
    """The name in the plural, for URLs of the page."""
    title: str
    """The name of a row."""
    path: str
    key: str
    """The property with the primary key."""
    properties: Sequence[Property]
    _: KW_ONLY
    operations: Sequence[str] = ("create", "list", "read", "update", "delete")
    actions: Sequence[Action] = ()
    rights: Mapping[str, Sequence[str]] | None = None
    """Who may read, create, update and delete rows; None if the API has no callers."""
    label: str = ""
    """The property that says which row it is."""
    needs_etag: bool = False
    """Whether a change needs If-Match."""
    search: bool = False
    """Whether the API searches it by `q`."""
    page: int = 100
    """The maximum number of rows of a page."""
    by_name: Mapping[str, Property] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the properties by name."""
        object.__setattr__(self, "by_name", {one.name: one for one in self.properties})

    @property
    def menu_label(self) -> str:
        """The name in the plural, as words."""
        return self.name.replace("_", " ").capitalize()

    def permits(self, caller: HasRoles | None, right: str) -> bool:
        """Return whether a caller may do something with some rows at least."""
        if self.rights is None:
            return True
        who = self.rights.get(right, ())
        if caller is None:
            return "anyone" in who
        return not {"anyone", "user", *caller.roles}.isdisjoint(who)

    def offers(self, operation: str) -> bool:
        """Return whether the API has an operation."""
        return operation in self.operations


def _as_words(name: str) -> str:
    """Return `Secret name` for `secret_name` and `secretName`."""
    spaced = "".join(f" {one}" if one.isupper() else one for one in name)
    words = spaced.replace("_", " ").split()
    return " ".join(words).capitalize() if not name.isupper() else name

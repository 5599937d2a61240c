"""Callers, and who may do what. Reason to change: what a spec can say about callers and rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from .conditions.tree import Condition
from .names import FieldName, ModuleName

ANYONE = "anyone"
"""Every caller, also one without credentials."""
USER = "user"
"""Every caller with valid credentials."""
NOBODY = "nobody"
"""No caller."""
OWNER = "owner"
"""The caller whom a row belongs to: the field that `owner` names is `me`."""


class Action(StrEnum):
    """What rules allow. Each operation of an API needs one of these, or several."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


Right: TypeAlias = Action | ModuleName
"""What a rule allows: an action on rows, or an action of hooks.py with rules of its own."""
WRITE = "write"
"""The word for all actions but reading."""
WRITING = (Action.CREATE, Action.UPDATE, Action.DELETE)


RESERVED_ROLES = frozenset(
    {ANYONE, USER, NOBODY, OWNER, *Action, WRITE, "me", "if", "and", "or", "not", "old", "new"}
)
"""Words of rules, which no role can have as its name."""
CALLER_ATTRIBUTES = frozenset(
    {"subject", "issuer", "roles", "identity", "bound_values", "from_claims"}
)
"""Attributes that every caller has."""
LOGIN_NAME = "login_name"
"""The attribute of callers who are rows of an entity: the name with which they log in."""


class ClaimType(StrEnum):
    """Types of the claims that a caller has."""

    INT = "int"
    STR = "str"
    UUID = "uuid"
    BOOL = "bool"
    ENUM = "enum"


LIST_TYPES = (ClaimType.INT, ClaimType.STR, ClaimType.UUID)
"""The types of the items of claims that are lists."""
_OF_TEXT = (ClaimType.INT, ClaimType.STR, ClaimType.UUID, ClaimType.ENUM)
REGISTERED_CLAIMS: Mapping[str, tuple[ClaimType, ...]] = {
    "sub": _OF_TEXT,
    "jti": _OF_TEXT,
    "exp": (ClaimType.INT,),
    "nbf": (ClaimType.INT,),
    "iat": (ClaimType.INT,),
    "iss": (),
    "aud": (),
}
"""The claims of RFC 7519, each with the types that an attribute of callers can have for it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An attribute of callers, which is a claim of their tokens."""

    name: ModuleName
    claim: str
    """The claim of the token."""
    type: ClaimType
    optional: bool = False
    """Whether a token may lack the claim."""
    words: tuple[str, ...] = ()
    """Values of an enum."""
    many: bool = False
    """Whether the claim is a list of values of the type."""
    lengths: tuple[int, int | None] = (1, 255)
    """The least and the most characters of a text; None for no limit."""


CLAIMS_OF_USERS = (
    Claim(ModuleName("id"), "sub", ClaimType.INT),
    Claim(ModuleName("name"), "name", ClaimType.STR, optional=True),
)
"""What an application with users of its own knows of every caller."""


ROW_CLAIM = "row"
"""The claim with the properties of a user's row; `row.id` is its key."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A default value of a field: an attribute of the caller, such as `me.org`."""

    claim: ModuleName
    """The name of the attribute: `org` for `me.org`, and `id` for `me`."""

    def __str__(self) -> str:
        """Return the default as in a spec, in the long form."""
        return f"me.{self.claim}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The issuer, the audience and the keys of valid tokens."""

    issuer: str
    audience: str
    jwks: str | None = None
    """The URL of the keys; None: that of the OIDC discovery, or AUTH_SECRET."""


@dataclass(frozen=True, slots=True)
class Auth:
    """Who the callers of the API are."""

    users: bool = False
    """Whether the application has users of its own."""
    user_entity: str | None = None
    """The entity whose rows are the users, if the spec names one."""
    user_file: str = ""
    """The spec file of this entity, for messages only."""
    not_me: Mapping[str, str] = field(default_factory=dict)
    """Fields of this entity that are no attributes of callers, and why."""
    keys: bool = False
    """Whether programs can have API keys."""
    tokens: Tokens | None = None
    me: tuple[Claim, ...] = ()
    roles: tuple[ModuleName, ...] = ()
    roles_claim: str = "roles"


@dataclass(frozen=True, slots=True)
class RuleAboutRows:
    """Allows some callers something with the rows that satisfy a condition."""

    action: Right
    who: str
    """`anyone`, `user` or a role."""
    condition: Condition
    """The condition. The names of claims in it are those of ClaimName."""
    says: str | None = None
    """What a caller is told whose row does not satisfy the condition."""
    line: int = field(default=0, compare=False, repr=False)
    """Line of the rule in the spec file, for messages only."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Callers who may do one thing."""

    who: tuple[str, ...] = ()
    """`anyone`, `user` or roles: these may do it with all rows."""
    about_rows: tuple[RuleAboutRows, ...] = ()
    """Rules that add callers who may do it with some rows."""

    @property
    def callers(self) -> tuple[str, ...]:
        """Who may do it, perhaps with some rows only; empty for nobody."""
        return tuple(dict.fromkeys((*self.who, *(rule.who for rule in self.about_rows))))

    def conditions(self, caller: str) -> tuple[Condition, ...] | None:
        """Return conditions, one of which a row must satisfy; None if all rows are allowed."""
        if allows_callers(self.who, caller):
            return None
        return tuple(
            rule.condition for rule in self.about_rows if allows_callers((rule.who,), caller)
        )


@dataclass(frozen=True, slots=True)
class FieldRules:
    """Who may see and set a field, among the callers who may read or write its row."""

    name: FieldName
    read: Allowed | None = None
    """None: whoever may read the row."""
    write: Allowed | None = None
    """None: whoever may create or update the row."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what with the rows of an entity: for each action, `anyone`, `user` or roles.

    These may do it with all rows; rules about rows add callers who may do it with some.
    """

    read: tuple[str, ...] = ()
    create: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    about_rows: tuple[RuleAboutRows, ...] = ()
    tenant: "Tenant | None" = None
    """The tenant whose condition is part of every rule, if the spec has one."""
    fields: tuple[FieldRules, ...] = ()
    """Rules about fields, in the order of the spec."""
    actions: tuple[tuple[ModuleName, tuple[str, ...]], ...] = ()
    """The actions of hooks.py with rules of their own, each with who may call it with all rows."""

    @property
    def without_tenant(self) -> "Access":
        """The rules without the condition of the tenant, as in the spec."""
        return self if self.tenant is None else self.tenant.rules

    @property
    def rights(self) -> tuple[Right, ...]:
        """All rights that rules of the entity can allow."""
        return (*Action, *(name for name, _ in self.actions))

    def callers_for_all_rows(self, action: Right) -> tuple[str, ...]:
        """Return who may do something with all rows; empty for nobody."""
        if not isinstance(action, Action):
            return dict(self.actions)[action]
        found: tuple[str, ...] = getattr(self, action)
        return found

    def rules(self, action: Right) -> tuple[RuleAboutRows, ...]:
        """Return the rules about rows for an action."""
        return tuple(rule for rule in self.about_rows if rule.action == action)

    def allowed_callers(self, action: Right) -> tuple[str, ...]:
        """Return who may do something, perhaps with some rows only; empty for nobody."""
        some = (rule.who for rule in self.rules(action))
        return tuple(dict.fromkeys((*self.callers_for_all_rows(action), *some)))

    @property
    def hidden_fields(self) -> frozenset[FieldName]:
        """The fields that some responses lack, or show as null."""
        return frozenset(one.name for one in self.fields if one.read is not None)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions of all rules: about rows, and about fields."""
        about = [one.condition for one in self.about_rows]
        parts = (part for one in self.fields for part in (one.read, one.write) if part is not None)
        return (*about, *(rule.condition for part in parts for rule in part.about_rows))


@dataclass(frozen=True, slots=True)
class Tenant:
    """Limits all rules of an entity to the rows of the caller's tenant."""

    field: FieldName
    condition: Condition
    """The field equals the attribute of the caller: `org_id = me.org_id`."""
    rules: Access
    """The rules without this condition."""


def conditions_for(access: Access, action: Right, caller: str) -> tuple[Condition, ...] | None:
    """Return conditions, one of which a row must satisfy; None if all rows are allowed."""
    if allows_callers(access.callers_for_all_rows(action), caller):
        return None
    return tuple(
        rule.condition for rule in access.rules(action) if allows_callers((rule.who,), caller)
    )


def allows_callers(allowed: tuple[str, ...], who: str) -> bool:
    """Return whether rules that allow `allowed` allow every caller that `who` stands for."""
    return ANYONE in allowed or who in allowed or (USER in allowed and who != ANYONE)

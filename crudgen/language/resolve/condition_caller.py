"""The caller in conditions. Reason to change: what a rule can say of the caller."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from crudgen.language.access import Auth, Claim, ClaimType
from crudgen.language.conditions.tokens import ConditionError, Kind, Token
from crudgen.language.names import AttributeName, ClaimName, ColumnName, JsonName
from crudgen.language.schema import Field, TypeName
from crudgen.language.types import INT64_MAX, INT64_MIN
from crudgen.language.yaml.problems import quoted, suggest

from .condition_paths import Paths

_TYPES = {
    ClaimType.INT: TypeName.INT,
    ClaimType.STR: TypeName.STR,
    ClaimType.UUID: TypeName.UUID,
    ClaimType.BOOL: TypeName.BOOL,
    ClaimType.ENUM: TypeName.ENUM,
}
_NO_ENTITY = Auth()
_ROLES = {"role", "roles"}
"""Attributes that rules do not compare."""


@dataclass(frozen=True, slots=True)
class CallerNames:
    """What a condition in a rule can name: attributes of the caller, versions and paths."""

    claims: Mapping[str, Field]
    """The claims as fields, by name."""
    is_known: bool = True
    """Whether the rule is about callers with credentials."""
    lists: Collection[str] = ()
    """The claims that are lists."""
    has_versions: bool = False
    """Whether the rule is about an update: there is a row before it, and one after it."""
    paths: Paths | None = None
    """The relations that the rule can follow."""
    auth: Auth = _NO_ENTITY
    """Who the callers are."""

    def claim_for(self, token: Token, name: Token | None, *, many: bool = False) -> Field:
        """Return the claim that `me.org` names; `me` is `me.id`. Raises ConditionError.

        `many` requires a claim that is a list; without it, a list is an error.
        """
        end = token.end if name is None else name.end
        if not self.is_known:
            problem = "the rule is for anyone, who has no 'me'"
            remedy = "let the rule begin with user, or with a role"
            raise ConditionError(problem, remedy, token.start, end)
        if name is not None and name.kind is not Kind.NAME:
            problem = "expected the name of a claim after 'me.'"
            raise ConditionError(problem, suggest("", self.claims), name.start, name.end)
        wanted = "id" if name is None else name.text
        if wanted not in self.claims:
            problem = f"a caller has no {quoted(wanted)}"
            if name is None:
                problem = "'me' alone is 'me.id', and a caller has no 'id'"
            remedy = self._unknown_claim_remedy(wanted)
            if wanted not in _ROLES and wanted in self.auth.not_me:
                problem, _, remedy = self.auth.not_me[wanted].partition("; ")
            raise ConditionError(problem, remedy, (name or token).start, end)
        if many != (wanted in self.lists):
            problem = f"'me.{wanted}' is {'one value' if many else 'a list'}"
            remedy = f"write it after 'in', such as 'a in me.{wanted}'"
            if many:
                remedy = (
                    f"write '=', or declare a list in crudgen.yaml: 'me: {{{wanted}: list(int)}}'"
                )
            raise ConditionError(problem, remedy, token.start, end)
        return self.claims[wanted]

    def _unknown_claim_remedy(self, wanted: str) -> str:
        """Return what to do about an attribute that callers do not have."""
        remedy = suggest(wanted, self.claims) if self.claims else ""
        if wanted in _ROLES:
            return "begin the rule with a role, such as 'editor if …'"
        if remedy.startswith("did you mean"):
            return remedy
        if self.auth.user_entity is not None:
            return f"add the field to {self.auth.user_entity}, in {self.auth.user_file}"
        return f"add it to 'me' of 'auth' in crudgen.yaml: 'me: {{{wanted}: int = sub}}'"


def list_claim_names(claims: Iterable[Claim]) -> frozenset[str]:
    """Return the names of the claims that are lists."""
    return frozenset(str(one.name) for one in claims if one.many)


def claim_fields(claims: Iterable[Claim]) -> dict[str, Field]:
    """Return claims as fields, by name: conditions compare them in the same way."""
    return {str(one.name): _claim_field(one) for one in claims}


def _claim_field(claim: Claim) -> Field:
    kind = _TYPES[claim.type]
    is_int, is_text = kind is TypeName.INT, kind is TypeName.STR
    return Field(
        name=ClaimName(f"me.{claim.name}"),
        attribute=AttributeName(claim.name),
        column=ColumnName(claim.name),
        json_name=JsonName(claim.name),
        type=kind,
        optional=claim.optional,
        minimum=INT64_MIN if is_int else None,
        maximum=INT64_MAX if is_int else None,
        min_length=claim.lengths[0] if is_text else None,
        max_length=claim.lengths[1] if is_text else None,
        words=claim.words,
    )

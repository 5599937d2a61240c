"""The entities of the guild as their clients know them: properties, references and relations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ENDS = ("heroes", "powers")
"""What a link links."""


@dataclass(frozen=True)
class Reference:
    """A property that refers to a row of another entity, or of the same."""

    by: str
    target: str
    on_delete: str = "restrict"
    optional: bool = False


@dataclass(frozen=True)
class Relation:
    """Rows that belong to a row: `by` is a property of that row, of the others, or none of both."""

    target: str
    by: str = ""
    is_own: bool = False
    is_many: bool = False

    @property
    def is_link(self) -> bool:
        return not self.by


def own(target: str, by: str) -> Relation:
    return Relation(target, by, is_own=True)


def many(target: str, by: str = "") -> Relation:
    return Relation(target, by, is_many=True)


@dataclass(frozen=True)
class Entity:
    """One entity: its properties, and what its API shows of related rows."""

    name: str
    plural: str
    defaults: Mapping[str, Any]
    """The properties that are no references; None stands for one that is required."""
    references: Sequence[Reference] = ()
    unique: Sequence[tuple[str, ...]] = ()
    key: str = "id"
    relations: Mapping[str, Relation] = field(default_factory=dict)
    more_paths: Sequence[str] = ()
    """The paths of several steps that a request can include."""
    embed: Sequence[str] = ()
    counts: Sequence[str] = ()
    keys: str = ""
    """The property with the keys of linked rows."""
    is_idempotent: bool = False

    @property
    def path(self) -> str:
        return f"/{self.plural}/"

    @property
    def gives_keys(self) -> bool:
        """Whether it is the client who gives the keys."""
        return self.key in self.defaults

    @property
    def properties(self) -> list[str]:
        keys = [] if self.gives_keys else [self.key]
        return [*self.defaults, *(one.by for one in self.references), *keys]

    @property
    def listed(self) -> list[str]:
        """The properties of a row in a list."""
        counts = [f"{one}_count" for one in self.counts]
        return [*self.properties, *counts, *([self.keys] if self.keys else [])]

    @property
    def paths(self) -> list[str]:
        return [*self.relations, *self.more_paths]


@dataclass(frozen=True)
class Under:
    """A path under a row: the rows of an entity that refer to it."""

    path: str
    plural: str
    by: str


UNDER = [
    ("teams", Under("heroes", "heroes", "team_id")),
    ("teams", Under("missions", "missions", "team_id")),
    ("heroes", Under("minions", "heroes", "boss_id")),
]
GUILD = {
    one.plural: one
    for one in (
        Entity(
            "Team",
            "teams",
            {"name": None},
            unique=[("name",)],
            relations={
                "heroes": many("heroes", "team_id"),
                "missions": many("missions", "team_id"),
            },
            more_paths=["missions__steps"],
            counts=["heroes"],
        ),
        Entity(
            "Power",
            "powers",
            {"code": None, "rank": 0},
            unique=[("code",)],
            key="code",
            relations={"heroes": many("heroes"), "steps": many("steps", "power_code")},
            counts=["steps"],
            keys="hero_ids",
        ),
        Entity(
            "Hero",
            "heroes",
            {"name": None},
            [
                Reference("team_id", "teams", "set_null", optional=True),
                Reference("boss_id", "heroes", optional=True),
            ],
            relations={
                "team": own("teams", "team_id"),
                "boss": own("heroes", "boss_id"),
                "minions": many("heroes", "boss_id"),
                "badge": Relation("badges", "hero_id"),
                "powers": many("powers"),
                "led_missions": many("missions", "lead_id"),
            },
            embed=["team"],
            counts=["minions", "powers"],
            keys="power_codes",
            is_idempotent=True,
        ),
        Entity(
            "Badge",
            "badges",
            {"label": "x"},
            [Reference("hero_id", "heroes", "cascade")],
            unique=[("hero_id",)],
            relations={"hero": own("heroes", "hero_id")},
        ),
        Entity(
            "Mission",
            "missions",
            {"name": None},
            [Reference("team_id", "teams", "cascade"), Reference("lead_id", "heroes")],
            relations={
                "team": own("teams", "team_id"),
                "lead": own("heroes", "lead_id"),
                "steps": many("steps", "mission_id"),
            },
            more_paths=["lead__team"],
            embed=["lead"],
            counts=["steps"],
            is_idempotent=True,
        ),
        Entity(
            "Step",
            "steps",
            {"position": None},
            [
                Reference("mission_id", "missions", "cascade"),
                Reference("power_code", "powers", "set_null", optional=True),
            ],
            unique=[("mission_id", "position")],
            relations={
                "mission": own("missions", "mission_id"),
                "power": own("powers", "power_code"),
                "reports": many("reports", "step_id"),
            },
        ),
        Entity(
            "Report",
            "reports",
            {"text": "ok"},
            [
                Reference("step_id", "steps"),
                Reference("mission_id", "missions", "cascade", optional=True),
            ],
            relations={
                "step": own("steps", "step_id"),
                "mission": own("missions", "mission_id"),
            },
        ),
    )
}
REFERENCES = [(one, reference) for one in GUILD.values() for reference in one.references]


def referring(target: str, on_delete: str) -> list[tuple[Entity, Reference]]:
    """Return the references to an entity, each with the entity that has it."""
    return [
        (entity, one)
        for entity, one in REFERENCES
        if one.target == target and one.on_delete == on_delete
    ]

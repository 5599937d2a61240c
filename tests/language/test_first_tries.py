"""Relations as people write them at first: the message shows the line that works."""

import re

import pytest

from crudgen.errors import SpecError
from crudgen.language import load_texts

OTHERS = {
    "team.yaml": "name: Team\nfields: {name: str}\n",
    "power.yaml": "name: Power\nfields: {name: str}\n",
    "planet.yaml": "name: Planet\nfields: {code: str pk, name: str}\n",
}
REFERENCES = {
    "team: Team": "team_id: -> Team",
    "boss: Team": "boss_id: -> Team",
    "team_id: Team": "team_id: -> Team",
    "team: Team?": "team_id: -> Team?",
    "team: Team unique": "team_id: -> Team unique",
    "team: ref(Team)": "team_id: -> Team",
    "team_id: reference(Team)": "team_id: -> Team",
    "team: fk Team": "team_id: -> Team",
    "team: fk(teams.id)": "team_id: -> Team",
    "team_id: FK(team)": "team_id: -> Team",
    "team: foreign key": "team_id: -> Team",
    "team_id: int foreign key": "team_id: -> Team",
    "team: foreign_key(Team) nullable": "team_id: -> Team?",
    "team: ForeignKey(Team, on_delete=models.CASCADE)": "team_id: -> Team cascade",
    "team: models.ForeignKey(Team, on_delete=models.SET_NULL, null=True)": (
        "team_id: -> Team? set_null"
    ),
    "team: models.ForeignKey('Team', on_delete=models.PROTECT, related_name='heroes')": (
        "team_id: -> Team inverse(heroes)"
    ),
    "team: db.ForeignKey(Team, db_index=True)": "team_id: -> Team",
    'team_id: ForeignKey("team.id")': "team_id: -> Team",
    "team_id: int references team(id) on delete cascade": "team_id: -> Team cascade",
    "team_id: integer REFERENCES teams(id) ON DELETE SET NULL": "team_id: -> Team? set_null",
    "team_id: uuid references team not null": "team_id: -> Team",
    "team: belongs_to Team": "team_id: -> Team",
    "team: belongs_to(Team)": "team_id: -> Team",
    "team: belongsTo Team": "team_id: -> Team",
    "team: belongs_to :team": "team_id: -> Team",
    "team: has_one Team": "team_id: -> Team unique",
    "team: OneToOneField(Team)": "team_id: -> Team unique",
    "team: many_to_one Team": "team_id: -> Team",
    "team: Team | None": "team_id: -> Team?",
    "team: Optional[Team]": "team_id: -> Team?",
    'team: Mapped["Team"]': "team_id: -> Team",
    "team: Team @relation(fields: [teamId], references: [id])": "team_id: -> Team",
    'team: Relationship(back_populates="heroes")': "team_id: -> Team inverse(heroes)",
    'team: relationship("Team")': "team_id: -> Team",
    "team: relation(Team)": "team_id: -> Team",
    "team: link(Team)": "team_id: -> Team",
    "team_id: -> team": "team_id: -> Team",
    "team_id: -> teams": "team_id: -> Team",
    "team_id: => Team": "team_id: -> Team",
    "team_id: int -> Team": "team_id: -> Team",
    "team_id: → Team": "team_id: -> Team",
    "team_id: > Team": "team_id: -> Team",
    "team_id: --> Team": "team_id: -> Team",
    "team_id: -> Team nullable": "team_id: -> Team?",
    "team_id: -> Team optional": "team_id: -> Team?",
    "team_id: -> Team null": "team_id: -> Team?",
    "team_id: -> Team required": "team_id: -> Team",
    "team_id: -> Team | None": "team_id: -> Team?",
    "team_id: -> Team on delete cascade": "team_id: -> Team cascade",
    "team_id: -> Team on_delete=cascade": "team_id: -> Team cascade",
    "team_id: -> Team on_delete(cascade)": "team_id: -> Team cascade",
    "team_id: -> Team set null": "team_id: -> Team? set_null",
    "team_id: -> Team(id)": "team_id: -> Team",
    "team_id: -> Team.id": "team_id: -> Team",
    'team_id: -> "Team"': "team_id: -> Team",
    "team_id: -> Team, unique": "team_id: -> Team unique",
    "team_id: -> Team inverse=heroes": "team_id: -> Team inverse(heroes)",
    "team_id: -> Team default 1": "team_id: -> Team = 1",
}
"""Fields, and those to write instead."""
MANY = (
    *("powers: List[Power]", "powers: list['Power']", "powers: Power[]", "powers: -> [Power]"),
    *("powers: -> List[Power]", "powers: has_many Power", "powers: hasMany(Power)"),
    *("powers: ManyToManyField(Power)", "powers: many_to_many Power", "powers: Set[Power]"),
)
"""Fields with several rows."""
JSON = ("items: List[String]", "items: list[str]", "items: String[]", "items: Dict[str, Any]")
LONG = {
    "{type: Team}": "type: reference, to: Team",
    "{type: ref(Team)}": "type: reference, to: Team",
    "{type: -> Team}": "type: reference, to: Team",
    "{type: reference, entity: Team}": "to: Team",
    "{type: reference, ref: Team}": "to: Team",
    "{type: reference}": "to: Team",
    "{type: ref, to: Team}": "type: reference, to: Team",
    "{type: foreign_key, to: Team}": "type: reference, to: Team",
    "{to: Team}": "type: reference, to: Team",
    "{references: Team}": "type: reference, to: Team",
    "{type: int, foreign_key: team.id}": "type: reference, to: Team",
    "{type: int, on_delete: cascade}": "type: reference, to: Team",
    "{type: reference, to: Team, ondelete: cascade}": "on_delete: cascade",
    "{type: reference, to: Team, back_populates: heroes}": "inverse: heroes",
    "{type: reference, to: Team, nullable: true}": "optional: true",
    "{type: reference, to: Team, on_delete: CASCADE}": "cascade",
    "{type: reference, to: Team, optional: true, on_delete: SET NULL}": "set_null",
    "{type: reference, to: Team, optional: true, on_delete: null}": "set_null",
    "{type: reference, to: Team, on_delete: NO ACTION}": "restrict",
}
"""Fields in the long form, and what to write in it."""
KEYS = {
    "relations: {team: Team}": "'fields: {team_id: -> Team}' or 'links: {powers: Power}'",
    "belongs_to: Team": "'fields: {team_id: -> Team}'",
    "has_many: Power": "'links: {powers: Power}'",
    "link: {powers: Power}": "'links'",
    "links: {powers: {entity: Power}}": "'to: Power'",
    "links: {powers: {to: Power, through: Team}}": "'via: Membership'",
    "links: {powers: [Power]}": "'powers: Power'",
    "links: [powers]": "'links: {powers: Power}'",
    "links: {powers: power}": "'Power'",
    "links: {powers: -> Power}": "'Power'",
    "include: [team]": "'api: {include: [team]}'",
    "related: [team__name]": "'api: {related: [team__name]}'",
    "write: {powers: keys}": "'api: {write: {lines: create}}'",
}
API = {
    "include: all": "such as 'include: [team]'",
    "include: true": "such as 'include: [team]'",
    "include: team": "write [team]",
    "include: ['*']": "list the names: there is no word for all relations",
    "include: [Team]": "write 'team'",
    "include: [team_id]": "write 'team', the relation of 'team_id'",
    "include: [team.country]": "write 'team__country'",
    "include: {team: true}": "such as 'include: [team]'",
    "includes: [team]": "did you mean 'include'?",
    "expand: [team]": "write 'include: [team]'",
    "populate: [team]": "write 'include: [team]'",
    "filter: [name, team__name]": "write 'related: [team__name]', for fields of related rows",
    "filter: [team.name]": "write 'related: [team__name]', for fields of related rows",
    "filter: [name__icontains]": "write 'name'",
    "filter: [team]": "did you mean 'team_id'?",
    "sort: [-team__name]": "write 'related: [team__name]', for fields of related rows",
    "related: [-team__name]": "write 'team__name'",
    "related: {team: [name]}": "such as 'related: [team__name]'",
    "related: [team]": "write one, such as 'team__name'",
    "related: [powers__name]": "write 'any' after it, such as 'powers__any__name'",
    "related: [powers__some__name]": "write 'any' after it, such as 'powers__any__name'",
    "related: [team__name__in]": "write 'team__name', which allows all operators",
    "nested: true": "such as 'nested: [heroes]'",
    "counts: [powers_count]": "did you mean 'powers'?",
    "count: [powers]": "did you mean 'counts'?",
    "write: [powers]": "such as 'write: {lines: create}'",
    "write: {powers: ids}": "write 'keys'",
    "write: {powers: true}": "allowed: create, keys",
    "write: {power_ids: keys}": "did you mean 'powers'?",
    "ordering: [name]": "write 'sort: [name]'",
}
"""Keys of the `api` block, and the remedies."""


def remedy(field: str, key: str = "") -> str:
    """Return the remedy of the only problem of a field, or of a key of the entity."""
    with pytest.raises(SpecError) as caught:
        load(f"  {field}\n{key}\n")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.line == (5 if key else 4)
    return diagnostic.remedy


def load(lines: str) -> None:
    load_texts({"hero.yaml": f"name: Hero\nfields:\n  name: str\n{lines}", **OTHERS})


@pytest.mark.parametrize("field", REFERENCES)
def test_the_remedy_is_a_line_that_works(field: str) -> None:
    assert remedy(field) == f"write '{REFERENCES[field]}'"
    load(f"  {REFERENCES[field]}\n")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("team: -> Team", "rename it to 'team_id'"),
        ("boss: -> Team", "rename it to 'boss_id', or add 'relation(team)'"),
        ("id_of_team: -> Team", "rename it to 'id_of_team_id', or add 'relation(team)'"),
        ("team_id: -> Planet", "rename it to 'team_code', or add 'relation(planet)'"),
        ("code: -> Planet", "add 'relation(planet)'"),
        ("id: -> Team", "rename it"),
    ],
)
def test_the_name_of_a_reference_ends_in_the_name_of_the_key(field: str, said: str) -> None:
    assert remedy(field) == said
    name, _, reference = field.partition(": ")
    if found := re.search(r"rename it to '(\w+)'", said):
        load(f"  {found[1]}: {reference}\n")
    if found := re.search(r"add '(.*)'", said):
        load(f"  {name}: {reference} {found[1]}\n")


@pytest.mark.parametrize("field", MANY)
def test_several_rows_are_a_reference_in_the_other_entity_or_a_link(field: str) -> None:
    said = remedy(field)
    assert said == (
        "write 'hero_id: -> Hero' in Power; for many to many, write 'links: {powers: Power}'"
    )
    found = re.search(r"'(links: .*)'", said)
    assert found
    load(f"{found[1]}\n")


@pytest.mark.parametrize("field", JSON)
def test_lists_of_values_are_json(field: str) -> None:
    assert remedy(field) == "write 'items: json'"


@pytest.mark.parametrize("field", LONG)
def test_the_long_form(field: str) -> None:
    assert f"'{LONG[field]}'" in remedy(f"team_id: {field}")


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_the_entity(key: str) -> None:
    assert KEYS[key] in remedy("age: int", key)


@pytest.mark.parametrize("key", API)
def test_keys_of_the_api_block(key: str) -> None:
    around = "  team_id: -> Team?\nlinks: {powers: Power}\n"
    with pytest.raises(SpecError) as caught:
        load(f"{around}api:\n  {key}\n")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.line == 7
    assert diagnostic.remedy == API[key]


@pytest.mark.parametrize("word", ["false", "none", "null"])
def test_no_inverse_needs_the_long_form(word: str) -> None:
    said = remedy(f"team_id: -> Team inverse({word})")
    assert said == "for no relation, write '{type: reference, to: Team, inverse: false}'"
    load("  team_id: {type: reference, to: Team, inverse: false}\n")

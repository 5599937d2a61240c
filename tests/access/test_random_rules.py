"""The random rules of the guild are valid specs."""

from crudgen.language import load_texts
from tests.access import guild, keyed


def test_random_rules_are_valid() -> None:
    for seed in range(17):
        load_texts(guild.texts(guild.random_rules(seed)), guild.APP)
        load_texts(keyed.texts(keyed.rules_of(seed)), guild.APP)

"""The start compares the checks of existing tables with those of the models."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from crudgen.language import load_texts
from crudgen.language.schema import Schema
from tests.startup.started import application

FIELDS = """
name: Box
fields:
  low: int?
  high: int?
  price: decimal(10,2)?
  mood: str?
"""
CHECK = "check: [low < high or price >= 0.5, mood != 'it''s' or low is null]"
KINDS = ["sqlite", "postgresql"]


def of(*more: str) -> Schema:
    return load_texts({"entities/box.yaml": "\n".join([FIELDS, *more])})


@pytest.mark.parametrize("kind", KINDS)
def test_new_tables_equal_the_models(kind: str, new_database: Callable[[str], str]) -> None:
    app, url = application(of(CHECK)), new_database(kind)
    app.start(url)
    with app.engine(url).connect() as connection:
        assert app.findings(connection) == []
    app.start(url)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", ["", "check: [low < high or price >= 0.6]"])
def test_a_missing_or_other_check_prevents_the_start(
    before: str, kind: str, new_database: Callable[[str], str]
) -> None:
    url = new_database(kind)
    application(of(before)).start(url)
    app = application(of(CHECK))
    with pytest.raises(Exception, match="check ck_box_low_high_price_check") as caught:
        app.start(url)
    assert type(caught.value).__name__ == "StartupError"


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_that_the_spec_does_not_have_any_more_prevents_the_start(
    kind: str, new_database: Callable[[str], str]
) -> None:
    url = new_database(kind)
    application(of(CHECK)).start(url)
    with pytest.raises(Exception, match="missing from the models"):
        application(of()).start(url)


def test_another_notation_is_the_same_check(new_database: Callable[[str], str]) -> None:
    url = new_database("postgresql")
    app = application(of("check: [not (low >= high)]"))
    app.start(url)
    with app.engine(url).begin() as connection:
        connection.execute(text("ALTER TABLE box DROP CONSTRAINT ck_box_low_high_check"))
        connection.execute(text("ALTER TABLE box ADD CHECK (low < high)"))
    app.start(url)

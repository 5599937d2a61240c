"""Decimals in the owner's statements are computed correctly or rejected."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    Float,
    Numeric,
    String,
    case,
    cast,
    except_,
    insert,
    intersect,
    literal,
    null,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import CompileError, StatementError
from sqlmodel import Session, col, func, select, update

from tests.owners.project import Project, emit

pytestmark = pytest.mark.long

BOOK = """\
name: Book
fields:
  title: str
  price: decimal(10,2)
  cost: decimal(10,2)?
  weight: decimal(10,4)?
  copies: int = 0
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("books")
    copied = Project.copied(emit(folder, {"book": BOOK}), folder)
    yield copied
    copied.unload()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, project: Project, new_database: Callable[[str], str]
) -> Iterator[Session]:
    """Open a session with two books."""
    settings = project.module("settings").Settings(database_url=new_database(request.param))
    book = project.module("books.models").Book
    with project.module("kit.wiring").open_session(settings) as session:
        cheap = book(title="a", price=Decimal("1.50"), cost=Decimal("1.00"), copies=3)
        dear = book(title="b", price=Decimal("20.00"), weight=Decimal("0.5000"), copies=2)
        session.add_all([cheap, dear])
        session.commit()
        yield session


@pytest.fixture
def session(opened: Session) -> Iterator[Session]:
    yield opened
    opened.rollback()


@pytest.fixture
def kind(opened: Session) -> str:
    return opened.get_bind().dialect.name


@pytest.fixture
def book(project: Project) -> Any:
    return project.module("books.models").Book


def numbers(session: Session, expression: Any) -> list[Any]:
    return list(session.exec(select(expression).order_by("title")).all())


SEVEN = literal(7)
RIGHT: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "greater than an int": (lambda b: b.price > 2, [False, True]),
    "equal to a float": (lambda b: b.price == 1.5, [True, False]),
    "less than a str": (lambda b: b.price < "1.60", [True, False]),
    "between": (lambda b: b.price.between(1, Decimal("1.50")), [True, False]),
    "in": (lambda b: b.price.in_([20, Decimal("7.00")]), [False, True]),
    "another column": (lambda b: b.price > b.cost, [True, None]),
    "is null": (lambda b: b.cost.is_(None), [False, True]),
    "is distinct from null": (lambda b: b.cost.is_distinct_from(null()), [True, False]),
    "sum of columns": (lambda b: b.price + b.cost, [Decimal("2.50"), None]),
    "minus a decimal": (lambda b: b.price - Decimal("0.25"), [Decimal("1.25"), Decimal("19.75")]),
    "an int plus": (lambda b: 1 + b.price, [Decimal("2.50"), Decimal("21.00")]),
    "negative": (lambda b: -b.price, [Decimal("-1.50"), Decimal("-20.00")]),
    "times an int": (lambda b: b.price * 2, [Decimal("3.00"), Decimal("40.00")]),
    "times a column": (lambda b: b.price * b.copies, [Decimal("4.50"), Decimal("40.00")]),
    "chained": (lambda b: (b.price - 1) * b.copies + b.price, [Decimal("3.00"), Decimal("58.00")]),
    "coalesce": (lambda b: func.coalesce(b.cost, b.price), [Decimal("1.00"), Decimal("20.00")]),
    "coalesce a literal": (
        lambda b: func.coalesce(b.cost, literal(7, b.price.type)),
        [Decimal("1.00"), Decimal("7.00")],
    ),
    "an int times": (lambda b: 2 * b.price, [3, 40]),
    "a column times": (lambda b: b.copies * b.price, [Decimal("4.5"), 40]),
    "an int times a difference": (lambda b: 2 * (b.price - 1) * 3, [3, 114]),
    "coalesce an int": (lambda b: func.coalesce(b.cost, 7), [1, 7]),
    "coalesce a decimal": (lambda b: func.coalesce(b.cost, Decimal("7.5")), [1, Decimal("7.5")]),
    "coalesce several": (lambda b: func.coalesce(b.cost, null(), 7, 8) + 1, [2, 8]),
    "coalesce a sum": (lambda b: func.coalesce(func.sum(b.cost).over(), 0), [1, 1]),
    "coalesce compared": (lambda b: func.coalesce(b.cost, 0) > Decimal("0.99"), [True, False]),
    "case else an int": (lambda b: case((b.copies > 2, b.price), else_=7), [Decimal("1.5"), 7]),
    "case else a decimal": (
        lambda b: case((b.copies > 2, b.price), else_=Decimal(0)),
        [Decimal("1.5"), 0],
    ),
    "case by a column": (
        lambda b: case({2: 5, 3: b.price}, value=b.copies, else_=Decimal("0.5")),
        [Decimal("1.5"), 5],
    ),
    "case by a decimal": (
        lambda b: case({Decimal("1.5"): "low", 20: "high"}, value=b.price, else_="other"),
        ["low", "high"],
    ),
    "a literal in two places": (lambda b: func.coalesce(b.cost, SEVEN) * SEVEN, [7, 49]),
    "case": (
        lambda b: case((b.copies > 2, b.price), else_=b.cost),
        [Decimal("1.50"), None],
    ),
    "a function with a type": (
        lambda b: func.abs(-b.price, type_=b.price.type),
        [Decimal("1.50"), Decimal("20.00")],
    ),
    "nullif": (
        lambda b: func.nullif(b.price, literal(20, b.price.type), type_=b.price.type),
        [Decimal("1.50"), None],
    ),
    "a subquery": (
        lambda b: b.price == select(func.max(b.price)).scalar_subquery(),
        [False, True],
    ),
    "a window": (
        lambda b: func.sum(b.price).over(),
        [Decimal("21.50"), Decimal("21.50")],
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_an_expression_is_right_on_both_databases(session: Session, book: Any, name: str) -> None:
    build, expected = RIGHT[name]
    columns = book.__table__.columns
    assert numbers(session, build(columns)) == expected


RIGHT_ON_POSTGRESQL: dict[str, tuple[Callable[[Any], Any], list[Any] | None]] = {
    "times a decimal": (lambda b: b.price * Decimal("1.10"), [Decimal("1.65"), Decimal(22)]),
    "a decimal times": (lambda b: Decimal("1.10") * b.price, [Decimal("1.65"), Decimal(22)]),
    "divided": (lambda b: b.price / 2, [Decimal("0.75"), 10]),
    "ratio": (lambda b: b.price / b.cost, [Decimal("1.5"), None]),
    "modulo": (lambda b: b.price % 2, [Decimal("1.5"), 0]),
    "plus another scale": (lambda b: b.price + b.weight, [None, Decimal("20.5")]),
    "compared with another scale": (lambda b: b.price > b.weight, [None, True]),
    "compared with a number": (lambda b: b.price > b.copies, [False, True]),
    "rounded": (lambda b: func.round(b.price), [2, 20]),
    "absolute": (lambda b: func.abs(b.price), [Decimal("1.50"), 20]),
    "cast to float": (lambda b: cast(b.price, Float), [1.5, 20.0]),
    "cast to text": (lambda b: cast(b.price, String), ["1.50", "20.00"]),
    "cast of a number": (lambda b: cast(b.copies, b.price.type), [3, 2]),
    "coalesce with a float": (lambda b: func.coalesce(b.cost, 7.5), [1, 7.5]),
    "coalesce with a column": (lambda b: func.coalesce(b.cost, b.copies), [1, 2]),
    "a number, then coalesce": (lambda b: func.coalesce(null(), 7, b.cost), [7, 7]),
    "case with a number first": (
        lambda b: case((b.copies > 2, 7), else_=b.price),
        [7, Decimal(20)],
    ),
    "case with a float": (lambda b: case((b.copies > 2, b.price), else_=0.5), [1.5, 0.5]),
    "case of floats": (lambda b: case({1.5: 1}, value=b.price, else_=2), [1, 2]),
    "case with another scale": (lambda b: case((b.copies > 2, b.price), else_=b.weight), None),
    "concatenated": (lambda b: func.concat(b.price, "!"), ["1.50!", "20.00!"]),
}


@pytest.mark.parametrize("name", RIGHT_ON_POSTGRESQL)
def test_an_expression_that_sqlite_cannot_compute_is_rejected(
    session: Session, book: Any, kind: str, name: str
) -> None:
    build, expected = RIGHT_ON_POSTGRESQL[name]
    expression = build(book.__table__.columns)
    if kind == "sqlite":
        with pytest.raises(CompileError, match="compute it in Python"):
            numbers(session, expression)
    else:
        found = numbers(session, expression)
        assert found == (expected or [Decimal("1.50"), Decimal("0.5000")])


def test_a_literal_has_its_value_in_a_cached_statement(session: Session, book: Any) -> None:
    for number in (5, 6, Decimal("7.25"), Decimal("8.5")):
        other = func.coalesce(book.cost, number)
        chosen = case((book.copies > 2, book.cost), else_=number)
        assert numbers(session, other) == numbers(session, chosen) == [1, number]
        inner = select(other.label("other")).subquery()
        grouped = select(inner.c.other, func.count()).group_by(inner.c.other)
        assert session.exec(grouped.order_by(inner.c.other)).all() == [(1, 1), (number, 1)]


def test_a_sum_of_no_rows_is_zero(session: Session, book: Any) -> None:
    total = func.coalesce(func.sum(book.price), 0)
    assert session.exec(select(total).where(book.copies < 0)).one() == 0
    assert session.exec(select(total, total + 1)).one() == (Decimal("21.5"), Decimal("22.5"))
    dear = select(book.title).group_by(book.title).having(total > 2)
    assert session.exec(dear).all() == ["b"]


def test_a_literal_with_more_digits_is_rejected(session: Session, book: Any, kind: str) -> None:
    statement = select(func.coalesce(book.cost, Decimal("0.125"))).order_by(book.title)
    if kind == "sqlite":
        with pytest.raises(StatementError, match="does not fit"):
            session.exec(statement)
    else:
        assert session.exec(statement).all() == [1, Decimal("0.125")]


def test_aggregates(session: Session, book: Any, kind: str) -> None:
    statement = select(
        func.sum(book.price), func.min(book.price), func.max(book.price), func.count(book.price)
    )
    assert session.exec(statement).one() == (Decimal("21.50"), Decimal("1.50"), Decimal(20), 2)
    grouped = select(book.price, func.sum(book.price * book.copies)).group_by(book.price)
    found = session.exec(grouped.order_by(book.price).having(func.sum(book.price) > 1)).all()
    assert found == [(Decimal("1.50"), Decimal("4.50")), (Decimal(20), Decimal(40))]
    average = select(func.avg(book.price))
    if kind == "sqlite":
        with pytest.raises(CompileError, match=r"avg.*\n.*sum\(\) and count\(\)"):
            session.exec(average)
    else:
        assert session.exec(average).one() == Decimal("10.75")


def test_updates(session: Session, book: Any, kind: str) -> None:
    session.exec(update(book).values(price=book.price * 2 + Decimal("0.01"), cost=None))
    assert numbers(session, book.price) == [Decimal("3.01"), Decimal("40.01")]
    session.exec(update(book).values(cost=book.price))
    session.exec(update(book).values(price=7))
    assert numbers(session, book.cost) == [Decimal("3.01"), Decimal("40.01")]
    assert numbers(session, book.price) == [7, 7]
    for values in (
        {"price": book.price * Decimal("1.10")},
        {"weight": book.cost},
        {"price": book.copies},
        {"price": literal(5)},
    ):
        statement = update(book).values(values)
        if kind == "sqlite":
            with pytest.raises(CompileError, match="scaled integers"):
                session.exec(statement)
        else:
            session.exec(statement)
    copied = insert(book).from_select(
        ["title", "price", "copies"], select(col(book.title), col(book.copies), col(book.copies))
    )
    if kind == "sqlite":
        with pytest.raises(CompileError, match="INSERT of price"):
            session.exec(copied)


def test_values_of_several_rows_and_of_conflicts(session: Session, book: Any, kind: str) -> None:
    weight = select(func.max(book.price)).scalar_subquery()
    rows = insert(book).values([{"title": "c", "price": 1, "copies": 1, "weight": weight}])
    new = {"id": 1, "title": "c", "price": 1, "copies": 1}
    insert_or_update = (sqlite if kind == "sqlite" else postgresql).insert(book).values(new)
    conflicting = [
        insert_or_update.on_conflict_do_update(index_elements=["id"], set_={"weight": value})
        for value in (book.price, insert_or_update.excluded.price)
    ]
    for statement in (rows, *conflicting):
        if kind == "sqlite":
            with pytest.raises(CompileError, match="INSERT of weight"):
                session.exec(statement)
        else:
            session.exec(statement)
    session.exec(
        insert_or_update.on_conflict_do_update(
            index_elements=["id"], set_={"price": insert_or_update.excluded.price}
        )
    )
    assert session.exec(select(book.price).where(book.id == 1)).one() == 1


@pytest.mark.parametrize("combine", [union_all, intersect, except_])
def test_columns_of_several_selects(
    session: Session, book: Any, kind: str, combine: Callable[..., Any]
) -> None:
    same = combine(select(book.price), select(book.cost))
    assert {price for (price,) in session.exec(same)} <= {Decimal("1.50"), 20, 1, None}
    for other in (book.weight, book.copies, literal(5), literal(Decimal(5))):
        statement = combine(select(book.price), select(other))
        if kind == "sqlite":
            with pytest.raises(CompileError, match="the columns of several SELECTs"):
                session.exec(statement)
        else:
            session.exec(statement)


@pytest.mark.parametrize("value", [10, 10.0, "10", "10.00", Decimal(10), Decimal("1E+1")])
def test_a_number_is_stored_as_it_is(session: Session, book: Any, value: Any) -> None:
    session.add(book(title="c", price=value))
    session.flush()
    session.expire_all()
    assert numbers(session, book.price)[2] == 10


@pytest.mark.parametrize(
    "value",
    [
        *(Decimal("1.559"), 1.559, "1.559", 0.1 + 0.2, Decimal("1E-3"), Decimal(10**8)),
        *(10**8, Decimal("NaN"), float("inf"), "ten", True, b"1", [1]),
    ],
)
def test_a_value_that_does_not_fit_is_rejected(session: Session, book: Any, value: Any) -> None:
    session.add(book(title="c", price=value))
    with pytest.raises(StatementError, match=r"does not fit|finite|not a decimal"):
        session.flush()
    session.rollback()
    with pytest.raises(StatementError):
        session.exec(select(book).where(book.price > value)).all()


def test_a_union_has_one_type(session: Session, book: Any) -> None:
    prices = union_all(select(book.price), select(book.cost).where(book.cost.is_not(None)))
    found = session.exec(select(func.sum(prices.subquery().c.price))).one()
    assert found == Decimal("22.50")


def test_other_numbers_are_computed_as_before(session: Session, book: Any) -> None:
    expression = book.copies * 2 / literal(4, Numeric(asdecimal=False))
    assert numbers(session, cast(expression, Float)) == [1.5, 1.0]

"""The home page of a spec that is served. Reason to change: what the page shows.

It has no script and loads no file. All texts are escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from crudgen.diagram import STYLE, Diagram, as_svg, diagram_of
from crudgen.language.schema import Entity, Schema

MAX_DRAWN = 150
"""Maximum number of entities in the diagram of the page."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another page of the application."""

    text: str
    path: str
    """Relative to the page."""
    what: str


@dataclass(frozen=True, slots=True)
class Status:
    """What is said about the spec, or about the tables of the database."""

    text: str
    is_fine: bool = True
    details: str = ""
    """More lines, such as diagnostics and commands."""


@dataclass(frozen=True, slots=True)
class _Row:
    """An entity in the list."""

    name: str
    doc: str
    path: str
    link: str
    """The list, relative to the page; empty if clients cannot read lists."""
    operations: tuple[str, ...]
    fields: int
    relations: tuple[str, ...]


def home_page(schema: Schema, where: str, links: Sequence[Link], status: Sequence[Status]) -> str:
    """Return the HTML of the page; `where` is the database, without a password."""
    diagram = diagram_of(schema)
    return _template().render(
        title=schema.title,
        version=schema.version,
        where=where,
        links=links,
        status=status,
        rows=[_row(one) for one in schema.entities],
        relations=len(diagram.lines),
        diagram=_diagram_picture(diagram),
        style=_style(),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("crudgen.home"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = _counted_noun
    return environment.get_template("home.html.jinja")


@cache
def _style() -> Markup:
    """Return the style of the page and of the diagram, which are constants."""
    loader = PackageLoader("crudgen.home")
    page, _, _ = loader.get_source(Environment(autoescape=True), "home.css")
    return Markup(page + STYLE)  # noqa: S704 -- files of crudgen


def _diagram_picture(diagram: Diagram) -> Markup | None:
    """Return the picture, or None if it would be too large."""
    if len(diagram.boxes) > MAX_DRAWN:
        return None
    return Markup(as_svg(diagram, has_style=False))  # noqa: S704 -- its texts are escaped


def _row(entity: Entity) -> _Row:
    relations = (
        f"{one.name}: {one.target}{'[]' if one.is_many else ''}" for one in entity.relations
    )
    operations = tuple(one.value.replace("_", " ") for one in entity.api.operations)
    doc = (entity.doc or "").strip().partition("\n")[0]
    return _Row(
        str(entity.name),
        doc,
        str(entity.path),
        f"{entity.path}/".removeprefix("/") if "list" in operations else "",
        operations,
        len(entity.fields) + len(entity.computed),
        tuple(relations),
    )


def _counted_noun(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"

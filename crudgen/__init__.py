"""crudgen: one YAML file per entity; a served FastAPI + SQLModel API, and the same code on disk.

schema = crudgen.load("entities")     # raises SpecError with every problem and its place
tree = crudgen.render(schema)         # an immutable mapping: path → text
app = crudgen.create_app("entities")  # a FastAPI application, imported from memory
"""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from crudgen.errors import CrudgenError, SpecError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from crudgen.codegen.tree import SourceTree
    from crudgen.language.schema import Schema

__all__ = [
    "CrudgenError",
    "SpecError",
    "__version__",
    "create_app",
    "import_app",
    "load",
    "render",
]

__version__ = "0.1.0"

# The functions import what they need when they are called: `import crudgen` costs nothing.


def load(path: str | Path = "entities") -> "Schema":
    """Read a folder of entities. Raises SpecError with every problem in it."""
    from crudgen import language  # noqa: PLC0415 -- lazy

    return language.load(Path(path))


def render(schema: "Schema") -> "SourceTree":
    """Return the code of a schema: an immutable mapping from path to text."""
    from crudgen import codegen  # noqa: PLC0415 -- lazy

    return codegen.render(schema)


def import_app(path: str | Path = "entities") -> ModuleType:
    """Import the code of a folder of entities from memory and return its package.

    To include the routes in an application of your own:

        package = crudgen.import_app("entities")
        api = importlib.import_module(f"{package.__name__}.api")
        for router in api.ROUTERS:
            app.include_router(router)

    Raises SpecError when the spec is wrong.
    """
    from crudgen.codegen import render_to_serve  # noqa: PLC0415 -- lazy
    from crudgen.delivery.memory import import_tree  # noqa: PLC0415 -- lazy

    return import_tree(render_to_serve(load(path)))


def create_app(path: str | Path = "entities", *, database: str | None = None) -> "FastAPI":
    """Create the application of a folder of entities; the code is imported from memory.

    For `uvicorn --factory crudgen:create_app`. `database` is a URL that replaces the one of the
    environment and of the spec. Raises SpecError when the spec is wrong, ServeError when an
    environment variable is.
    """
    from crudgen.codegen import render_to_serve  # noqa: PLC0415 -- lazy
    from crudgen.delivery.generation import Recipe  # noqa: PLC0415 -- lazy

    return cast("FastAPI", Recipe(render_to_serve(load(path)), database).load().application)

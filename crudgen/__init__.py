"""crudgen: YAML entities → a FastAPI + SQLModel API, served from memory or emitted as code.

schema = crudgen.load("entities")     # raises SpecError with all diagnostics
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

# Imports are inside the functions, so that `import crudgen` is fast.


def load(path: str | Path = "entities") -> "Schema":
    """Return the schema of a folder of entities. Raises SpecError with all diagnostics."""
    from crudgen import language  # noqa: PLC0415 -- lazy

    return language.load(Path(path))


def render(schema: "Schema") -> "SourceTree":
    """Return the source tree of a schema: an immutable mapping from path to text."""
    from crudgen import codegen  # noqa: PLC0415 -- lazy

    return codegen.render(schema)


def import_app(path: str | Path = "entities") -> ModuleType:
    """Import the generated package of a folder of entities from memory, and return it.

    To include its routes in another application:

        package = crudgen.import_app("entities")
        api = importlib.import_module(f"{package.__name__}.api")
        for router in api.ROUTERS:
            app.include_router(router)

    Raises SpecError if the spec is invalid.
    """
    from crudgen.codegen import render_to_serve  # noqa: PLC0415 -- lazy
    from crudgen.delivery.memory import import_tree  # noqa: PLC0415 -- lazy

    return import_tree(render_to_serve(load(path)))


def create_app(path: str | Path = "entities", *, database: str | None = None) -> "FastAPI":
    """Create the application of a folder of entities, imported from memory.

    This is the factory for `uvicorn --factory crudgen:create_app`. `database` is a URL that
    overrides DATABASE_URL and the spec. Raises SpecError if the spec is invalid, and ServeError if
    a setting is.
    """
    from crudgen.codegen import render_to_serve  # noqa: PLC0415 -- lazy
    from crudgen.delivery.generation import GenerationSource  # noqa: PLC0415 -- lazy

    return cast(
        "FastAPI", GenerationSource(render_to_serve(load(path)), database).load().application
    )

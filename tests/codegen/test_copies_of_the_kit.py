"""Errors of a generated application have marks, because its kit is a copy with other classes."""

import asyncio
import importlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from crudgen.cli.database_options import with_url_origin
from crudgen.codegen import render
from crudgen.delivery.generation import as_serve_error
from crudgen.delivery.memory import import_tree, unload
from crudgen.errors import CrudgenError, NotConnectedError
from crudgen.kit import errors
from crudgen.kit.http.late_errors import run_application
from crudgen.language import load_texts


@pytest.fixture(scope="module")
def copy() -> Iterator[Any]:
    """Import the errors of a copy of the kit."""
    package = import_tree(render(load_texts({"hero.yaml": "name: Hero\nfields: {name: str}\n"})))
    yield importlib.import_module(f"{package.__name__}.kit.errors")
    unload(package)


def test_an_aborted_response_of_a_copy_ends_the_connection(copy: Any) -> None:
    assert copy.ResponseAbortedError is not errors.ResponseAbortedError
    aborted: list[bool] = []
    transport = SimpleNamespace(abort=lambda: aborted.append(True))

    class Cycle:
        disconnected = response_complete = False

        def __init__(self) -> None:
            self.transport = transport

        async def send(self, _message: Any) -> None:
            raise AssertionError

    async def receive() -> Any:
        raise AssertionError

    async def fails(*_: Any) -> None:
        raise copy.ResponseAbortedError

    async def has_a_bug(*_: Any) -> None:
        raise ZeroDivisionError

    cycle = Cycle()
    asyncio.run(run_application(fails, {}, receive, cycle.send))
    assert (aborted, cycle.disconnected) == ([True], True)
    other = Cycle()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(run_application(has_a_bug, {}, receive, other.send))
    assert (aborted, other.disconnected) == ([True], False)


@pytest.mark.parametrize("name", ["DatabaseStartupError", "UnreachableError"])
def test_commands_say_where_the_url_of_a_database_is_from(copy: Any, name: str) -> None:
    error = getattr(copy, name)("there is none")
    for found in (NotConnectedError.of_startup(error), as_serve_error(error)):
        assert isinstance(found, CrudgenError)
        assert str(with_url_origin(found, "sqlite://")) == (
            "there is none\n  the URL is from --database"
        )


def test_no_message_makes_an_error_one_of_the_database(copy: Any) -> None:
    error = copy.StartupError("database: the name of a setting of the user")
    for found in (NotConnectedError.of_startup(error), as_serve_error(error)):
        assert isinstance(found, CrudgenError)
        assert with_url_origin(found, "sqlite://") is found

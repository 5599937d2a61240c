"""The links of the home page to other pages of an application."""

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp

from crudgen.cli.home import page_links

USUAL = ["docs", "redoc", "openapi.json"]


def with_admin() -> FastAPI:
    app = FastAPI()
    app.mount("/admin", Starlette())
    return app


async def wrapped(_scope: object, _receive: object, _send: object) -> None:
    """Do nothing: an application without FastAPI's attributes."""


@pytest.mark.parametrize(
    ("application", "paths"),
    [
        (FastAPI(), USUAL),
        (FastAPI(docs_url=None, redoc_url="/read"), ["read", "openapi.json"]),
        (FastAPI(openapi_url=None), []),
        (with_admin(), [*USUAL, "admin/"]),
        (wrapped, []),
    ],
)
def test_links_are_those_of_the_application(application: ASGIApp, paths: list[str]) -> None:
    assert [link.path for link in page_links(application)] == paths

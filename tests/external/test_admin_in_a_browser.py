"""In Chromium, the admin page of the shop shows and changes rows, and loads nothing from others."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.served import Serve

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

pytestmark = pytest.mark.external
SHOP = Path(__file__).parents[1] / "specs/shop/entities"
SAVE = "button:has-text('Save') >> nth=-1"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Serve]:
    shutil.copytree(SHOP, tmp_path / "entities")
    with Serve(tmp_path, "--admin", "--spec-only").start() as served:
        yield served


def choose(page: "Page", number: int, typed: str, text: str) -> None:
    """Choose a related row by its label."""
    page.click(f".select2-selection >> nth={number}")
    page.keyboard.type(typed)
    page.click(f".select2-results__option:has-text('{text}')")


def test_rows_of_the_shop(shop: Serve, page: "Page") -> None:
    others: list[str] = []

    def note(request: "Request") -> None:
        if not request.url.startswith((shop.url, "data:")):
            others.append(request.url)

    page.on("request", note)
    page.set_default_timeout(30_000)
    admin = f"{shop.url}/admin"
    for code, name in (("IT", "Italy"), ("FR", "France")):
        page.goto(f"{admin}/countries/create")
        page.fill("#code", code)
        page.fill("#name", name)
        page.click(SAVE)
        page.wait_for_url("**/list*")
    page.goto(f"{admin}/customers/create")
    page.fill("#name", "Ann")
    page.fill("#email", "nobody")
    page.fill("#password", "12345678")
    page.click(SAVE)
    assert "e-mail address" in page.inner_text("#email-error")
    page.fill("#email", "ann@example.com")
    page.fill("#password", "12345678")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    page.goto(f"{admin}/addresses/create")
    choose(page, 0, "an", "Ann")
    choose(page, 1, "ita", "Italy")
    page.fill("#street", "Via 1")
    page.fill("#city", "Roma")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    row = page.inner_text("tbody tr")
    assert {"Ann", "Italy", "Via", "Roma"} <= {*row.split()}
    page.goto(f"{admin}/addresses/edit?pk=1")
    page.wait_for_selector(".select2-selection:has-text('Italy')")
    page.fill("#city", "Milano")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    address = shop.get("/addresses/1").json()
    assert (address["city"], address["country_code"]) == ("Milano", "IT")
    page.goto(f"{admin}/countries/list")
    page.check("tbody tr:has-text('Italy') input")
    page.click("text=With selected")
    page.click(".dropdown-menu.show >> text=Delete")
    page.click("text=Yes, delete all")
    page.wait_for_selector("text=Addresses refer to it by country_code")
    assert len(shop.get("/countries/").json()) == 2
    assert others == []

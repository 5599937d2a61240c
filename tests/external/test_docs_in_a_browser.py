"""In Chromium, /docs and /redoc show the operations, and load nothing from another host."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.servers import Api, Servers

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request

pytestmark = pytest.mark.external
HERO = '{"name": "Deadpond", "secret_name": "Dive Wilson"}'


@dataclass
class Visit:
    """A page, with what it requested and logged, errors of its policy among them."""

    page: "Page"
    requests: "list[Request]" = field(default_factory=list)
    logged: "list[ConsoleMessage]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(30_000)
        self.page.on("request", self._request)
        self.page.on("console", self._log)

    def _request(self, request: "Request") -> None:
        self.requests.append(request)

    def _log(self, message: "ConsoleMessage") -> None:
        self.logged.append(message)

    def hosts(self) -> set[str]:
        urls = [urlsplit(one.url.removeprefix("blob:")) for one in self.requests]
        return {f"{url.scheme}://{url.netloc}" for url in urls}


@pytest.fixture
def visit(page: "Page") -> Visit:
    return Visit(page)


@pytest.fixture(params=["served", "emitted"])
def api(request: pytest.FixtureRequest, servers: Servers, root: Path) -> Api:
    return servers.api(root / "entities", request.param, "sqlite").emptied()


@pytest.fixture
def below_a_path(servers: Servers, root: Path, tmp_path: Path) -> Iterator[Api]:
    started = servers.start(
        root / "entities",
        "served",
        f"sqlite:///{tmp_path}/app.db",
        settings={"ROOT_PATH": "/api"},
    )
    yield started
    servers.end(started)


def check(visit: Visit, url: str) -> None:
    """Check that all requests went to the application, and that the browser logged no error."""
    assert visit.hosts() == {url}
    assert [one.text for one in visit.logged if one.type == "error"] == []
    failed = [one.url for one in visit.requests if one.failure]
    assert failed == []


def open_create(visit: Visit, url: str) -> None:
    """Open /docs, and prepare a create operation to be tried out."""
    visit.page.goto(f"{url}/docs")
    operation = visit.page.locator("#operations-heroes-create_hero")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("textarea.body-param__text").fill(HERO)


def execute(visit: Visit) -> str:
    """Execute the prepared operation; return the response that the page shows."""
    operation = visit.page.locator("#operations-heroes-create_hero")
    operation.get_by_role("button", name="Execute").click()
    response = operation.locator(".live-responses-table .response")
    assert response.locator(".response-col_status").inner_text().strip() == "200"
    text: str = response.locator(".highlight-code").first.inner_text()
    return text


def test_an_operation_is_shown_and_tried_out(visit: Visit, api: Api) -> None:
    url = str(api.client.base_url)
    open_create(visit, url)
    visit.page.locator("#operations-tag-heroes").get_by_text(
        "Somebody who saves people."
    ).wait_for()
    assert '"name": "Deadpond"' in execute(visit)
    assert [row["name"] for row in api.ask("GET", "/heroes/").json()] == ["Deadpond"]
    check(visit, url)


def test_every_operation_can_be_expanded(visit: Visit, api: Api) -> None:
    url = str(api.client.base_url)
    visit.page.goto(f"{url}/docs")
    operations = visit.page.locator(".opblock")
    visit.page.locator("#operations-heroes-delete_hero").wait_for()
    for number in range(operations.count()):
        operations.nth(number).locator(".opblock-summary-control").click()
        operations.nth(number).locator(".responses-table").first.wait_for()
    visit.page.locator(".models").get_by_text("HeroPublic").first.wait_for()
    check(visit, url)


def test_redoc_shows_and_finds_the_operations(visit: Visit, api: Api) -> None:
    url = str(api.client.base_url)
    visit.page.goto(f"{url}/redoc")
    visit.page.locator("h2", has_text="Create Hero").wait_for()
    visit.page.get_by_text("Somebody who saves people.").wait_for()
    visit.page.get_by_placeholder("Search").fill("update")
    visit.page.locator("[data-role='search:results']").get_by_text("Update Hero").first.wait_for()
    visit.page.get_by_alt_text("redocly logo").wait_for()
    check(visit, url)


def test_pages_below_a_path_work(visit: Visit, below_a_path: Api) -> None:
    url = str(below_a_path.client.base_url)
    open_create(visit, f"{url}/api")
    assert '"name": "Deadpond"' in execute(visit)
    assert any(one.url == f"{url}/api/heroes/" for one in visit.requests)
    check(visit, url)


def test_a_script_from_elsewhere_is_refused(visit: Visit, api: Api) -> None:
    """The checks above would see it: the policy allows no other script."""
    visit.page.goto(f"{api.client.base_url}/docs")
    visit.page.locator("#operations-heroes-create_hero").wait_for()
    visit.page.evaluate(
        "() => document.body.append(Object.assign("
        "document.createElement('script'), {textContent: 'document.title = 1'}))"
    )
    errors = [one.text for one in visit.logged if one.type == "error"]
    assert any("Content Security Policy" in one for one in errors)
    assert visit.page.title() == "crudgen API - Swagger UI"

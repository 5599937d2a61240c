"""In Chromium, users with different rights use the admin page of the shop and of the zoo."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from crudgen.cli.accounts import opened_users
from tests.cli.served import ENVIRONMENT, Serve
from tests.support.forked import run

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

pytestmark = pytest.mark.external
SPECS = Path(__file__).parents[1] / "specs"
PASSWORD = "correct horse"  # noqa: S105 -- of users in this test
SETTINGS = {"PASSWORD_MEMORY_MB": "12"}
USERS = {"ada": ["admin"], "ed": ["editor"], "vic": []}
AUTH = "auth: {users: true, roles: [editor, admin]}\nadmin: true\n"
RULES = "access: {read: user, create: [editor, admin], update: [editor, admin], delete: admin}\n"
ACTIONS = """\
actions:
  send: {takes: {carrier: str(1..20)}, doc: Hand the order to a carrier.}
  reopen: {access: admin}
"""
HOOKS = '''\
"""What happens with orders."""

from ..caller import Caller
from ..kit.hooks import Refused, Transaction
from .actions import OrderSend
from .models import Order


def send(tx: Transaction[Caller], order: Order, sent: OrderSend) -> Order:
    """Hand a paid order to a carrier."""
    if order.status != "paid":
        raise Refused("carrier", f"{sent.carrier} takes no order that is not paid")
    order.status = "sent"
    return order


def reopen(tx: Transaction[Caller], order: Order) -> Order:
    """Open an order again."""
    order.status = "open"
    return order
'''
Client = Callable[..., httpx.Client]
SAVE = "button:has-text('Save') >> nth=-1"
ANIMAL = {
    "title": "Elsa",
    "legs": "4",
    "weight": "450.5",
    "born": "2024-02-29",
    "feeds_at": "07:30",
    "seen_at": "2024-02-29T12:00",
    "chip": "0190163d-8694-739b-aea5-966c26f8ad90",
    "contact": "zoo@example.com",
    "page": "https://example.com/",
    "data": '{"a": [1, null]}',
    "secret": "12345678",
    "species": "Bos",
}


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Return a function that serves a spec, with rules and users."""

    @contextmanager
    def started(name: str) -> Iterator[Serve]:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(SPECS / name / "entities", folder / "entities")
        for file in (folder / "entities").iterdir():
            more = ACTIONS if file.stem == "order" else ""
            file.write_text(file.read_text("utf-8") + RULES + more, "utf-8")
        app = SPECS / name / "crudgen.yaml"
        text = app.read_text("utf-8") if app.exists() else ""
        (folder / "crudgen.yaml").write_text(text + AUTH)
        if name == "shop":
            done = run("crudgen", "emit", folder=folder, environment=ENVIRONMENT)
            assert done.returncode == 0, done.stderr
            (folder / "generated/app/orders/hooks.py").write_text(HOOKS)
        url = f"sqlite:///{folder}/rows.db"
        with Serve(folder, "--database", url, **SETTINGS).start() as served:
            with opened_users(folder / "entities", url) as (_, users):
                for user, roles in USERS.items():
                    users.add(user, PASSWORD, roles)
            yield served

    return started


@pytest.fixture(scope="module")
def shop(serve: Callable[[str], Any]) -> Iterator[Serve]:
    with serve("shop") as served:
        yield served


@pytest.fixture(scope="module")
def zoo(serve: Callable[[str], Any]) -> Iterator[Serve]:
    with serve("zoo") as served:
        yield served


@pytest.fixture
def others(page: "Page") -> list[str]:
    """Return a list of the URLs of other hosts that the page requests."""
    found: list[str] = []

    def note(request: "Request") -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            found.append(request.url)

    page.on("request", note)
    page.set_default_timeout(30_000)
    return found


@pytest.fixture
def client() -> Iterator[Client]:
    """Return a function that returns a client of the API that has logged in."""
    with ExitStack() as opened:

        def logged_in(served: Serve, user: str = "ada") -> httpx.Client:
            form = {"username": user, "password": PASSWORD}
            found = opened.enter_context(httpx.Client(base_url=served.url, timeout=60))
            token = found.post("/login", data=form).json()["access_token"]
            found.headers["authorization"] = f"Bearer {token}"
            return found

        yield logged_in


def log_in(page: "Page", served: Serve, user: str) -> str:
    """Log in, and return the URL of the admin page."""
    admin = f"{served.url}/admin"
    page.goto(f"{admin}/login")
    page.fill("#username", user)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{admin}/")
    return admin


def forge(page: "Page", url: str, values: dict[str, Any]) -> tuple[int, str]:
    """Send a form with the cookies and the token of the page, without its buttons."""
    cookies = {str(one.get("name")): str(one.get("value")) for one in page.context.cookies(url)}
    token = cookies["starlette_admin_csrftoken"]
    headers = {"x-csrftoken": token}
    form = {"csrftoken": token, **values}
    answer = page.context.request.post(url, form=form, headers=headers, max_redirects=0)
    return answer.status, answer.text()


def import_file(page: "Page", name: str, content: str) -> str:
    """Import a file on the page of a list, and return the result."""
    page.click("button:has-text('Import')")
    page.select_option("#import-format", name.rpartition(".")[2])
    page.set_input_files(
        "#import-file", {"name": name, "mimeType": "text/plain", "buffer": content.encode()}
    )
    page.click("#import-submit")
    page.wait_for_selector("#import-preview-summary:has-text('row')")
    page.click("#import-submit")
    page.wait_for_selector("#import-step-result:not(.d-none)")
    return str(page.inner_text("#import-step-result"))


def find_customers(page: "Page", admin: str) -> None:
    """Search, filter and sort the list of customers."""
    page.fill("input[type=search]", "bob")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=bob*")
    assert page.locator("tbody tr").count() == 1
    page.goto(f"{admin}/customers/list?filter=name__istartswith%3Dan")
    assert "Ann" in page.inner_text("tbody")
    assert page.locator("tbody tr").count() == 1
    page.goto(f"{admin}/customers/list")
    page.click("th a:has-text('Name')")
    page.wait_for_url("**sort=name*")
    page.click("th a:has-text('Name')")
    page.wait_for_url("**sort=name__desc*")
    assert "Bob" in page.inner_text("tbody tr >> nth=0")


def test_an_editor_of_the_shop(
    shop: Serve, page: "Page", others: list[str], client: Client
) -> None:
    rows = client(shop)
    ann = {"name": "Ann", "email": "ann@example.com", "password": "12345678"}
    key = rows.post("/customers/", json=ann).json()["id"]
    for status in ("open", "paid"):
        rows.post("/orders/", json={"customer_id": key, "status": status, "lines": []})
    admin = log_in(page, shop, "ed")

    page.goto(f"{admin}/customers/create")
    page.fill("#name", "Bob")
    page.fill("#email", "ann@example.com")
    page.fill("#password", "12345678")
    page.click(SAVE)
    assert "Another row has the same email" in page.inner_text("#email-error")
    page.fill("#email", "bob@example.com")
    page.fill("#password", "short")
    page.click(SAVE)
    assert "8 characters" in page.inner_text("#password-error")
    page.fill("#password", "12345678")
    page.click(SAVE)
    page.wait_for_url("**/list*")

    find_customers(page, admin)
    page.goto(f"{admin}/orders/edit?pk=1")
    assert "Shipping address" in page.inner_text("form >> nth=-1")
    page.wait_for_selector(".select2-selection:has-text('Ann')")
    page.click(".select2-selection >> nth=0")
    page.keyboard.type("bo")
    page.click(".select2-results__option:has-text('Bob')")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    assert "Bob" in page.inner_text("tbody tr >> nth=0")

    for number, message in ((0, "DHL takes no order"), (1, "Send: 1 of 1 rows")):
        page.click(f"tbody tr >> nth={number} >> a[title=Send]")
        page.fill("#take-carrier", "DHL")
        page.click("#actionSubmit")
        page.wait_for_selector(f"text={message}")
        page.goto(f"{admin}/orders/list")
    assert rows.get("/orders/2").json()["status"] == "sent"
    assert page.locator("a[title=Reopen], [data-sa-name=delete]").count() == 0
    for path in ("action?name=delete&pks=1", "row-action?name=action_reopen&pk=2"):
        assert "Forbidden" in forge(page, f"{admin}/_api/orders/{path}", {})[1]
    assert client(shop, "ed").delete("/orders/1").status_code == 403
    assert [one["status"] for one in rows.get("/orders/").json()] == ["open", "sent"]
    assert others == []


def test_files_and_deletes_of_the_shop(
    shop: Serve, page: "Page", others: list[str], client: Client
) -> None:
    rows = client(shop)
    admin = log_in(page, shop, "ada")
    page.goto(f"{admin}/customers/list")
    lines = ["name,email,password", "Cid,cid@example.com,12345678", "Dee,cid@example.com,12345678"]
    assert "same email" in import_file(page, "a.csv", "\n".join(lines))
    assert rows.get("/customers/?email=cid@example.com").json() == []
    page.goto(f"{admin}/customers/list")
    lines[2] = lines[2].replace("cid", "dee")
    import_file(page, "a.csv", "\n".join(lines))
    page.goto(f"{admin}/customers/list")
    page.click("button:has-text('Export'), a:has-text('Export')")
    page.select_option("#export-action-format", "json")
    with page.expect_download() as download:
        page.click("#actionSubmit")
    found = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert {"Cid", "Dee"} <= {one.get("Name", one.get("name")) for one in found}
    for name in ("Cid", "Dee"):
        page.check(f"tbody tr:has-text('{name}') input")
    page.click("text=With selected")
    page.click(".dropdown-menu.show >> text=Delete")
    page.click("text=Yes, delete all")
    page.wait_for_selector("text=2 items were successfully deleted")
    assert rows.get("/customers/?email__in=cid@example.com,dee@example.com").json() == []
    assert others == []


def test_a_viewer_and_another_origin(shop: Serve, page: "Page", client: Client) -> None:
    rows = client(shop)
    rows.post("/countries/", json={"code": "IT", "name": "Italy"})
    admin = log_in(page, shop, "vic")
    page.goto(f"{admin}/countries/list")
    assert "Italy" in page.inner_text("tbody")
    shown = page.inner_text("body")
    assert not [one for one in ("New Country", "Import", "Delete") if one in shown]
    assert page.locator("a[title=Edit], [data-sa-name=delete]").count() == 0
    for path, values in (
        ("countries/create", {"code": "FR", "name": "France"}),
        ("countries/edit?pk=IT", {"name": "Italia"}),
        ("_api/countries/action?name=delete&pks=IT", {}),
        ("_api/countries/row-action?name=delete&pk=IT", {}),
        ("_api/countries/import", {"format": "json"}),
    ):
        status, text = forge(page, f"{admin}/{path}", values)
        assert status == 403 or "Forbidden" in text, path
    assert rows.get("/countries/").json() == [{"code": "IT", "name": "Italy"}]

    page.context.clear_cookies()
    log_in(page, shop, "ada")
    form = f'<form method="post" action="{admin}/countries/create" enctype="multipart/form-data">'
    inputs = '<input name="code" value="FR"><input name="name" value="France"><button>Go</button>'
    page.route(
        "http://evil.example/",
        lambda route: route.fulfill(content_type="text/html", body=f"{form}{inputs}</form>"),
    )
    page.goto("http://evil.example/")
    with page.expect_navigation() as done:
        page.click("button")
    assert done.value is not None
    assert (done.value.status, page.url) == (403, f"{admin}/countries/create")
    assert len(rows.get("/countries/").json()) == 1


def test_an_editor_of_the_zoo(zoo: Serve, page: "Page", others: list[str], client: Client) -> None:
    rows = client(zoo)
    admin = log_in(page, zoo, "ed")
    page.goto(f"{admin}/animals/create")
    for name, value in ANIMAL.items():
        page.fill(f"#{name}", value)
    photo = {"name": "a.png", "mimeType": "image/png", "buffer": b"12345"}
    page.set_input_files("#photo", photo)
    page.fill("#age", "200")
    page.click(SAVE)
    assert "less than or equal to 150" in page.inner_text("#age-error")
    page.fill("#age", "7")
    page.fill("#secret", ANIMAL["secret"])
    page.set_input_files("#photo", photo)
    page.select_option("#mood", "a b")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    stored = rows.get("/animals/1").json()
    assert (stored["age"], stored["mood"], stored["photo"]) == (7, "a b", "MTIzNDU=")
    assert (stored["data"], stored["seen_at"]) == ({"a": [1, None]}, "2024-02-29T12:00:00Z")
    page.goto(f"{admin}/events/list")
    done = import_file(page, "a.json", json.dumps([{"what": "Feeding"}, {"what": "Vet"}]))
    assert "2" in done
    page.goto(f"{admin}/events/list")
    assert {"Feeding", "Vet"} <= {*page.inner_text("tbody").split()}
    assert page.locator("[data-sa-name=delete]").count() == 0
    page.context.clear_cookies()
    log_in(page, zoo, "ada")
    page.goto(f"{admin}/events/list")
    page.check("thead input")
    page.click("text=With selected")
    page.click(".dropdown-menu.show >> text=Delete")
    page.click("text=Yes, delete all")
    page.wait_for_selector("text=2 items were successfully deleted")
    assert rows.get("/events/").json() == []
    assert others == []

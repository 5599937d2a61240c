"""In Chromium, users with different rights use the admin page of the shop and of the zoo."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
ZOO_MORE = """\
  home_number: -> Country?
actions:
  weigh: {takes: {kilos: float(0.5..1000.5)}, doc: Enter what it weighs.}
  retire: {access: admin}
"""
"""What the zoo has no example of: a reference, and actions."""
ZOO_HOOKS = '''\
"""What happens with animals."""

from ..caller import Caller
from ..kit.hooks import Refused, Transaction
from .actions import AnimalWeigh
from .models import Animal


def weigh(tx: Transaction[Caller], animal: Animal, sent: AnimalWeigh) -> Animal:
    """Store what an animal weighs."""
    if sent.kilos < 1:
        raise Refused("kilos", "No animal of this zoo is so light")
    animal.weight = sent.kilos
    return animal


def retire(tx: Transaction[Caller], animal: Animal) -> Animal:
    """Let an animal retire."""
    animal.note = "retired"
    return animal
'''
MORE = {"shop": {"order": ACTIONS}, "zoo": {"animal": ZOO_MORE}}
"""What files of a spec have in addition to rules."""
WRITTEN = {"shop": ("orders", HOOKS), "zoo": ("animals", ZOO_HOOKS)}
EVIL = "http://evil.example/"
Client = Callable[..., httpx.Client]
PARTS = ("filter-row-field", "filter-row-op", "filter-row-value")
"""The classes of the inputs of a filter, in the order of the page."""
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


PHOTO: Any = {"name": "a.png", "mimeType": "image/png", "buffer": b"12345"}


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Return a function that serves a spec, with rules and users."""

    @contextmanager
    def started(name: str) -> Iterator[Serve]:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(SPECS / name / "entities", folder / "entities")
        for file in (folder / "entities").iterdir():
            more = MORE[name].get(file.stem, "")
            file.write_text(file.read_text("utf-8") + more + RULES, "utf-8")
        app = SPECS / name / "crudgen.yaml"
        text = app.read_text("utf-8") if app.exists() else ""
        (folder / "crudgen.yaml").write_text(text + AUTH)
        done = run("crudgen", "emit", folder=folder, environment=ENVIRONMENT)
        assert done.returncode == 0, done.stderr
        package, hooks = WRITTEN[name]
        (folder / f"generated/app/{package}/hooks.py").write_text(hooks)
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


@pytest.fixture(autouse=True)
def only_this_host(page: "Page") -> Iterator[None]:
    """Fail if the page requests anything from another host."""
    found: list[str] = []

    def note(request: "Request") -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:", EVIL)):
            found.append(request.url)

    page.on("request", note)
    page.set_default_timeout(60_000)
    yield
    assert found == []


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


def filter_by_mouse(page: "Page", field: str, operator: str, value: str) -> None:
    """Filter a list by one more condition, with the controls of the page."""
    page.click("button:has-text('Filters')")
    page.click("#add-filter-row")
    last = page.locator(".filter-row:visible").last
    last.locator(".filter-row-field").select_option(label=field)
    last.locator(".filter-row-op").select_option(label=operator)
    choices = last.locator(".filter-row-value-select:visible")
    if choices.count():
        choices.select_option(value)
    else:
        last.locator(".filter-row-value").fill(value)
    with page.expect_navigation():
        page.click("text=Apply filters")


def filter_by_keyboard(page: "Page", field: str, operator: str, value: str) -> None:
    """Filter a list by one condition, without the mouse."""
    page.focus("button:has-text('Filters')")
    page.keyboard.press("Enter")
    page.wait_for_selector(".filter-row-field:visible")
    for number, typed in enumerate((field, operator, value)):
        while page.evaluate("document.activeElement.className").count(PARTS[number]) == 0:
            page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    page.wait_for_url("**filter=*")


def exported(page: "Page", kind: str) -> str:
    """Return the rows of a list as a file."""
    page.click("button:has-text('Export'), a:has-text('Export')")
    page.select_option("#export-action-format", kind)
    with page.expect_download() as download:
        page.click("#actionSubmit")
    return Path(download.value.path()).read_text("utf-8")


def rows_of(page: "Page") -> list[str]:
    """Return the texts of the rows of a list."""
    found: list[str] = page.locator("tbody tr").all_inner_texts()
    return found


def act(page: "Page", key: object, name: str, values: dict[str, str], message: str) -> None:
    """Call an action on a row of a list, and wait for the message."""
    page.click(f"tr[data-sa-pk='{key}'] a:has-text('{name}')")
    for one, value in values.items():
        page.fill(f"#take-{one}", value)
    page.click("#actionSubmit")
    page.wait_for_selector(f"text={message}")


def find_customers(page: "Page", admin: str, user: str) -> None:
    """Search, filter and sort the list of customers."""
    page.fill("input[type=search]", f"bob@{user}")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=bob*")
    assert len(rows_of(page)) == 1
    page.goto(f"{admin}/customers/list")
    filter_by_keyboard(page, "Email", "ends with", f"@{user}.example")
    assert "Email: ends with" in page.inner_text("#active-filters")
    assert len(rows_of(page)) == 2
    filter_by_mouse(page, "Email", "begins with", "ann")
    assert ["Ann" in one for one in rows_of(page)] == [True]
    page.click("#active-filters a:has-text('begins with')")
    page.wait_for_selector("tbody:has-text('Bob')")
    page.click("th a:has-text('Name')")
    page.wait_for_url("**sort=name*")
    page.click("th a:has-text('Name')")
    page.wait_for_url("**sort=name__desc*")
    assert ["Bob" in one for one in rows_of(page)] == [True, False]


@pytest.mark.parametrize("user", ["ed", "ada"])
def test_those_who_write_in_the_shop(shop: Serve, page: "Page", client: Client, user: str) -> None:
    rows = client(shop)
    ann = {"name": "Ann", "email": f"ann@{user}.example", "password": "12345678"}
    key = rows.post("/customers/", json=ann).json()["id"]
    orders = [
        rows.post("/orders/", json={"customer_id": key, "status": one, "lines": []}).json()["id"]
        for one in ("open", "paid")
    ]
    admin = log_in(page, shop, user)

    page.goto(f"{admin}/customers/create")
    page.fill("#name", "Bob")
    page.fill("#email", f"ann@{user}.example")
    page.fill("#password", "12345678")
    page.click(SAVE)
    assert "Another row has the same email" in page.inner_text("#email-error")  # 409
    page.fill("#email", f"bob@{user}.example")
    page.fill("#password", "short")
    page.click(SAVE)
    assert "8 characters" in page.inner_text("#password-error")  # 422
    page.fill("#password", "12345678")
    page.click(SAVE)
    page.wait_for_url("**/list*")

    find_customers(page, admin, user)
    page.goto(f"{admin}/orders/edit?pk={orders[0]}")
    assert "Shipping address" in page.inner_text("form >> nth=-1")
    page.wait_for_selector(".select2-selection:has-text('Ann')")
    page.click(".select2-selection >> nth=0")
    page.keyboard.type(f"bob@{user}")
    page.click(".select2-results__option:has-text('Bob')")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    assert "Bob" in page.inner_text(f"tr[data-sa-pk='{orders[0]}']")

    act(page, orders[0], "Send", {"carrier": "DHL"}, "DHL takes no order")
    page.goto(f"{admin}/orders/list")
    act(page, orders[1], "Send", {"carrier": "DHL"}, "Send: 1 of 1 rows")
    assert rows.get(f"/orders/{orders[1]}").json()["status"] == "sent"
    page.goto(f"{admin}/orders/list")
    if user == "ada":
        act(page, orders[1], "Reopen", {}, "Reopen: 1 of 1 rows")
        assert rows.get(f"/orders/{orders[1]}").json()["status"] == "open"
        return
    assert page.locator("a[data-sa-name=action_reopen], [data-sa-name=delete]").count() == 0
    query = f"row-action?name=action_reopen&pk={orders[1]}"
    for path in (f"action?name=delete&pks={orders[0]}", query):
        assert "Forbidden" in forge(page, f"{admin}/_api/orders/{path}", {})[1]
    assert client(shop, "ed").delete(f"/orders/{orders[0]}").status_code == 403
    states = [rows.get(f"/orders/{one}").json()["status"] for one in orders]
    assert states == ["open", "sent"]


def test_files_and_deletes_of_the_shop(shop: Serve, page: "Page", client: Client) -> None:
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
    found = json.loads(exported(page, "json"))
    assert {"Cid", "Dee"} <= {one.get("Name", one.get("name")) for one in found}
    for name in ("Cid", "Dee"):
        page.check(f"tbody tr:has-text('{name}') input")
    page.click("text=With selected")
    page.click(".dropdown-menu.show >> text=Delete")
    page.click("text=Yes, delete all")
    page.wait_for_selector("text=2 items were successfully deleted")
    assert rows.get("/customers/?email__in=cid@example.com,dee@example.com").json() == []


@dataclass(frozen=True)
class Case:
    """The countries and an action of a spec."""

    spec: str
    path: str
    italy: dict[str, Any]
    action: str


CASES = [
    Case("shop", "/countries/", {"code": "IT", "name": "Italy"}, "orders/send"),
    Case("zoo", "/v1/countries/", {"number": 7, "name": "Italy"}, "animals/weigh"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.spec)
def test_viewers_only_read(
    request: pytest.FixtureRequest, page: "Page", client: Client, case: Case
) -> None:
    path, row, table = case.path, case.italy, "countries"
    served: Serve = request.getfixturevalue(case.spec)
    rows, viewer = client(served), client(served, "vic")
    for one in rows.get(path).json():
        rows.delete(f"{path}{next(iter(one.values()))}")
    stored = [rows.post(path, json=row).json()]
    key = next(iter(row.values()))
    admin = log_in(page, served, "vic")
    page.goto(f"{admin}/{table}/list")
    filter_by_mouse(page, "Name", "contains", "ital")
    assert ["Italy" in one for one in rows_of(page)] == [True]
    assert "Italy" in exported(page, "csv")
    page.goto(f"{admin}/{table}/list")
    page.click("a[title=View]")
    assert page.inner_text(".card-title") == "Italy"
    page.goto(f"{admin}/{table}/list")
    shown = page.inner_text("body")
    assert not [one for one in ("New Country", "Import", "Delete") if one in shown]
    assert page.locator("a[title=Edit], [data-sa-name=delete]").count() == 0
    other, call = case.action.split("/")
    page.goto(f"{admin}/{other}/list")
    assert page.locator(f"[data-sa-name=action_{call}]").count() == 0
    for target, values in (
        (f"{table}/create", {**row, "name": "France"}),
        (f"{table}/edit?pk={key}", {"name": "Italia"}),
        (f"_api/{table}/action?name=delete&pks={key}", {}),
        (f"_api/{table}/row-action?name=delete&pk={key}", {}),
        (f"_api/{table}/import", {"format": "json"}),
        (f"_api/{other}/row-action?name=action_{call}&pk=1", {"kilos": "2", "carrier": "DHL"}),
        (f"_api/{other}/action?name=action_{call}&pks=1", {"kilos": "2", "carrier": "DHL"}),
    ):
        status, text = forge(page, f"{admin}/{target}", values)
        assert status == 403 or "Forbidden" in text, target
    assert viewer.post(path, json=row).status_code == 403
    assert rows.get(path).json() == stored


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.spec)
def test_forms_of_another_origin(
    request: pytest.FixtureRequest, page: "Page", client: Client, case: Case
) -> None:
    served: Serve = request.getfixturevalue(case.spec)
    key = next(iter(case.italy))
    values = {key: {"code": "FR"}.get(key, "33"), "name": "France"}
    admin = log_in(page, served, "ada")
    form = f'<form method="post" action="{admin}/countries/create" enctype="multipart/form-data">'
    inputs = "".join(f'<input name="{one}" value="{value}">' for one, value in values.items())
    page.route(
        EVIL,
        lambda route: route.fulfill(
            content_type="text/html", body=f"{form}{inputs}<button>Go</button></form>"
        ),
    )
    page.goto(EVIL)
    with page.expect_navigation() as done:
        page.click("button")
    assert done.value is not None
    assert (done.value.status, page.url) == (403, f"{admin}/countries/create")
    assert "Reload the page and try again" in page.inner_text("body")
    assert "France" not in client(served).get(case.path).text


def fill_animal(page: "Page", values: dict[str, str]) -> None:
    """Fill in the form of a new animal."""
    for one, value in values.items():
        page.fill(f"#{one}", value)
    page.set_input_files("#photo", PHOTO)


def write_animals(page: "Page", admin: str, rows: httpx.Client, values: dict[str, str]) -> Any:
    """Create two animals, change the first one, and return its key."""
    page.goto(f"{admin}/animals/create")
    fill_animal(page, values)
    page.fill("#age", "200")
    page.click(SAVE)
    assert "less than or equal to 150" in page.inner_text("#age-error")  # 422
    page.fill("#age", "7")
    page.fill("#secret", ANIMAL["secret"])
    page.set_input_files("#photo", PHOTO)
    page.select_option("#mood", "a b")
    page.click(".select2-selection")
    page.keyboard.type("germ")
    page.click(".select2-results__option:has-text('Germany')")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    stored = rows.get("/animals/", params={"chip": values["chip"]}).json()[0]
    assert (stored["age"], stored["mood"], stored["photo"]) == (7, "a b", "MTIzNDU=")
    assert (stored["data"], stored["seen_at"]) == ({"a": [1, None]}, "2024-02-29T12:00:00Z")
    assert stored["home_number"] == 49
    key = stored["id"]

    page.goto(f"{admin}/animals/create")
    fill_animal(page, {**values, "title": values["title"].replace("Elsa", "Bo")})
    page.click(SAVE)
    assert "Another row has the same chip" in page.inner_text("#chip-error")  # 409
    page.fill("#chip", values["chip"][:-1] + "f")
    page.fill("#secret", ANIMAL["secret"])
    page.set_input_files("#photo", PHOTO)
    page.click(SAVE)
    page.wait_for_url("**/list*")
    page.goto(f"{admin}/animals/edit?pk={key}")
    page.fill("#weight", "460")
    page.click(SAVE)
    page.wait_for_url("**/list*")
    changed = rows.get(f"/animals/{key}").json()
    assert changed == {**stored, "weight": 460.0, "updated_at": changed["updated_at"]}
    return key


@pytest.mark.parametrize("user", ["ed", "ada"])
def test_those_who_write_in_the_zoo(zoo: Serve, page: "Page", client: Client, user: str) -> None:
    rows = client(zoo)
    rows.post("/v1/countries/", json={"number": 49, "name": "Germany"})
    chip = f"0190163d-8694-739b-aea5-{user.encode().hex():0>12}"
    admin = log_in(page, zoo, user)
    values = {**ANIMAL, "title": f"Elsa of {user}", "chip": chip}
    key = write_animals(page, admin, rows, values)

    filter_by_keyboard(page, "Title", "ends with", user)
    assert len(rows_of(page)) == 2
    filter_by_mouse(page, "Mood", "is one of", "a b")
    assert ["Elsa" in one for one in rows_of(page)] == [True]
    assert "Germany" in rows_of(page)[0]
    page.goto(f"{admin}/animals/list")
    filter_by_mouse(page, "Chip", "is", chip)
    assert ["Elsa" in one for one in rows_of(page)] == [True]
    assert f"Elsa of {user}" in exported(page, "csv")

    page.goto(f"{admin}/animals/list")
    act(page, key, "Weigh", {"kilos": "0.6"}, "No animal of this zoo is so light")
    page.goto(f"{admin}/animals/list")
    act(page, key, "Weigh", {"kilos": "0.1"}, "greater than or equal to 0.5")
    page.goto(f"{admin}/animals/list")
    act(page, key, "Weigh", {"kilos": "470.5"}, "Weigh: 1 of 1 rows")
    assert rows.get(f"/animals/{key}").json()["weight"] == 470.5

    page.goto(f"{admin}/events/list")
    assert "2" in import_file(page, "a.json", json.dumps([{"what": "Feeding"}, {"what": "Vet"}]))
    page.goto(f"{admin}/events/list")
    assert {"Feeding", "Vet"} <= {*page.inner_text("tbody").split()}
    if user == "ed":
        assert page.locator("[data-sa-name=delete]").count() == 0
        page.goto(f"{admin}/animals/list")
        assert page.locator("[data-sa-name=action_retire], [data-sa-name=delete]").count() == 0
        query = f"row-action?name=action_retire&pk={key}"
        for path in (f"action?name=delete&pks={key}", query):
            assert "Forbidden" in forge(page, f"{admin}/_api/animals/{path}", {})[1]
        assert rows.get(f"/animals/{key}").json()["note"] is None
    else:
        page.goto(f"{admin}/animals/list")
        act(page, key, "Retire", {}, "Retire: 1 of 1 rows")
        assert rows.get(f"/animals/{key}").json()["note"] == "retired"
        page.goto(f"{admin}/events/list")
        page.check("thead input")
        page.click("text=With selected")
        page.click(".dropdown-menu.show >> text=Delete")
        page.click("text=Yes, delete all")
        page.wait_for_selector("text=items were successfully deleted")
        assert rows.get("/events/").json() == []

"""`clients/provider.ts` with the types of react-admin and refine, and run by Node.js."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.docs import pages
from tests.external.programs import find_program
from tests.support.servers import Api, Servers

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.external
PACKAGE = Path(__file__).parent / "provider"
"""The tests in TypeScript and JavaScript; `.ci/run` installs the npm packages there."""
IN_A_BROWSER = """async (url) => {
    const { reactAdminProvider, refineProvider } = await import("/provider.js");
    const provider = reactAdminProvider(url, { headers: () => ({ Authorization: "Bearer x" }) });
    const rows = [...Array(201).keys()].map((n) => ({ text: `note ${n}` }));
    await refineProvider(url).createMany({ resource: "notes", variables: rows });
    const list = { pagination: { page: 1, perPage: 60 }, sort: { field: "id", order: "ASC" } };
    const { data, total } = await provider.getList("notes", list);
    const id = data[59].id;
    await provider.getOne("notes", { id });
    const updated = await provider.update("notes", { id, data: { kind: "b" } });
    await refineProvider(url).update({ resource: "notes", id, variables: { text: "changed" } });
    const status = (error) => error.status;
    const stale = await provider.delete("notes", { id }).catch(status);
    const missing = await provider.getOne("notes", { id: 9999 }).catch(status);
    return [total, updated.data.kind, stale, missing];
}"""
"""It needs the headers of responses that a page of another origin can only read if CORS says so."""
GUIDE = "docs/how-to/admin-interface.md"
ENTITIES = {
    "note": """
        name: Note
        fields:
          text: str(1..200) unique
          kind: enum(a, b) = a
          count: int = 0
          parent_id: int? json(parentId)
        api:
          operations: [create, list, read, update, delete, create_many, update_many, delete_many]
          search: [text]
          page: {default: 50, max: 50}
        """,
    "visit": """
        name: Visit
        fields:
          id: uuid pk
          who: str(1..80)
        api:
          operations: [create, list, read, update, delete, create_many, update_many, delete_many]
        """,
    "seat": """
        name: Seat
        fields: {row: int pk json(seatRow), label: str}
        api:
          operations: [create, list, read, update, delete, create_many, update_many, delete_many]
        """,
    "draft": """
        name: Draft
        fields: {text: str}
        api: {etag: required}
        """,
    "crew": """
        name: Crew
        fields: {name: str(1..80) unique}
        api: {counts: [members], nested: [members]}
        """,
    "member": """
        name: Member
        fields:
          name: str(1..80)
          crew_id: -> Crew?
        links: {skills: Skill}
        api:
          include: [crew, skills]
          related: [crew__name, skills__any__name]
          write: {skills: keys}
        """,
    "skill": """
        name: Skill
        fields: {name: str(1..40) unique}
        """,
    "entry": """
        name: Entry
        fields: {text: str}
        api: {operations: [create, list], filter: [text]}
        """,
}
"""What the zoo lacks: bulk operations with each kind of key, few operations, ETags, relations."""


@pytest.fixture(scope="module")
def spec(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spec")
    shutil.copytree(root / "tests/specs/zoo", folder, dirs_exist_ok=True)
    with (folder / "crudgen.yaml").open("a") as settings:
        settings.write("emit: [provider]\n")
    for name, text in ENTITIES.items():
        (folder / "entities" / f"{name}.yaml").write_text(text)
    return folder / "entities"


@pytest.fixture(scope="module")
def compiled(spec: Path, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the provider and the checks of its types, as strictly as TypeScript can."""
    folder = tmp_path_factory.mktemp("provider")
    for file in ("package.json", "tsconfig.json", "types.ts", "run.test.mjs", "react-admin.d.ts"):
        shutil.copy(PACKAGE / file, folder)
    shutil.copy(servers.emit(spec) / "clients/provider.ts", folder)
    modules = PACKAGE / "node_modules"
    assert modules.is_dir(), "npm ci --prefix tests/external/provider installs the packages"
    (folder / "node_modules").symlink_to(modules)
    run(folder, "node_modules/.bin/tsc", "--project", ".")
    return folder


@pytest.fixture(params=["served", "emitted"])
def api(request: pytest.FixtureRequest, servers: Servers, spec: Path) -> Api:
    return servers.api(spec, request.param, "sqlite").emptied()


def run(folder: Path, *command: str, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compile_only(folder: Path, files: Sequence[str], **options: object) -> None:
    """Check files with TypeScript, as strictly as the provider itself."""
    settings = {"extends": "./tsconfig.json", "compilerOptions": options, "files": files}
    (folder / "only.json").write_text(json.dumps(settings))
    run(folder, "node_modules/.bin/tsc", "--project", "only.json", "--noEmit")


def test_the_types_are_those_of_react_admin_and_refine(compiled: Path) -> None:
    assert (compiled / "out/types.js").exists()
    swapped = (compiled / "types.ts").read_text().replace("reactAdminProvider(", "refineProvider(")
    (compiled / "swapped.ts").write_text(swapped)
    with pytest.raises(AssertionError, match=r"swapped\.ts"):
        compile_only(compiled, ["swapped.ts"])


def test_the_code_of_the_guide_compiles(compiled: Path) -> None:
    blocks = [*pages.blocks_of(GUIDE, "ts"), *pages.blocks_of(GUIDE, "tsx")]
    files = [f"block{number}.tsx" for number in range(len(blocks))]
    assert len(files) == 5
    for file, block in zip(files, blocks, strict=True):
        (compiled / file).write_text(block.text)
    options = {"jsx": "react-jsx", "module": "esnext", "moduleResolution": "bundler"}
    compile_only(compiled, ["react-admin.d.ts", *files], **options)


@pytest.fixture
def frontend(compiled: Path) -> Iterator[str]:
    """Serve the compiled provider from an origin of its own; yield its URL."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(compiled / "out"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_runs_in_a_browser_on_another_origin(
    frontend: str, servers: Servers, spec: Path, tmp_path: Path, page: "Page"
) -> None:
    settings = {"CORS_ORIGINS": frontend}
    api = servers.start(spec, "emitted", f"sqlite:///{tmp_path}/app.db", settings=settings)
    page.goto(f"{frontend}/types.js")
    assert page.evaluate(IN_A_BROWSER, str(api.client.base_url)) == [201, "b", 412, 404]
    servers.end(api)


def test_all_methods_run(compiled: Path, api: Api) -> None:
    run(
        compiled,
        find_program("node"),
        "--test",
        "--test-reporter=spec",
        "run.test.mjs",
        API_URL=str(api.client.base_url),
    )

"""Actions in `clients/provider.ts`, and in generated clients of TypeScript and Python."""

import json
import shutil
from pathlib import Path

import pytest

from tests.external import test_clients, test_provider
from tests.external.programs import find_program
from tests.support.servers import Api, Servers, write_entities

pytestmark = pytest.mark.external
HERO = """
    name: Hero
    fields: {name: str(1..80), rank: int = 0}
    actions:
      promote: {takes: {reason: str(1..20), on: date?, mood: "enum(a b, c) = c"}}
      move_up: {}
    """
FETCH = """
import createClient from "openapi-fetch";
import type { paths } from "./api.js";
declare const process: { argv: string[] };
const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const hero = await client.POST("/heroes/", { body: { name: "ann" } });
const params = { path: { hero_id: hero.data?.id ?? 0 } };
const promoted = await client.POST("/heroes/{hero_id}/promote", { params, body: { reason: "x" } });
const moved = await client.POST("/heroes/{hero_id}/move_up", { params });
console.log(promoted.data?.name, moved.data?.rank);
"""
PYTHON = """
import sys
from api_client import Client
from api_client.api.heroes import create_hero, move_up_hero, promote_hero
from api_client.models import HeroCreate, HeroPromote, HeroPromoteMood
client = Client(base_url=sys.argv[1])
hero = create_hero.sync(client=client, body=HeroCreate(name="ann"))
sent = HeroPromote(reason="x", mood=HeroPromoteMood.A_B)
print(promote_hero.sync(hero.id, client=client, body=sent).name)
print(move_up_hero.sync(hero.id, client=client).rank)
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = write_entities(tmp_path_factory.mktemp("spec") / "entities", {"hero": HERO})
    (found.parent / "crudgen.yaml").write_text("emit: [provider]\n")
    return found


@pytest.fixture(scope="module")
def api(servers: Servers, spec: Path) -> Api:
    """Run an emitted application whose functions do something."""
    project = servers.emit(spec)
    hooks = project / "app/heroes/hooks.py"
    promote, move_up = hooks.read_text().rsplit("    return hero\n", 2)[:2]
    name = '    hero.name = f"{hero.name}: {sent.reason}, {sent.mood}, {sent.on}"\n'
    lines = [promote, name, "    hero.rank += 1\n    return hero\n", move_up]
    hooks.write_text("".join([*lines, "    hero.rank += 1\n    return hero\n"]))
    return servers.api(spec, "emitted", "sqlite")


def compiled(folder: Path, package: Path, *files: str) -> None:
    """Compile files with TypeScript, as strictly as the other tests of the package."""
    (folder / "node_modules").symlink_to(package / "node_modules")
    settings = json.loads((package / "tsconfig.json").read_text()) | {"files": files}
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    (folder / "package.json").write_text('{"type": "module"}')
    test_clients.run(folder, "node_modules/.bin/tsc", "--project", ".")


def test_both_providers(api: Api, spec: Path, servers: Servers, tmp_path: Path) -> None:
    package = test_provider.PACKAGE
    shutil.copy(servers.emit(spec) / "clients/provider.ts", tmp_path)
    for file in ("actions.ts", "actions.test.mjs"):
        shutil.copy(package / file, tmp_path)
    compiled(tmp_path, package, "actions.ts")
    for right, wrong in (('mood: "c"', 'mood: "d"'), ('reason: "x", ', ""), ("id: 1,", "")):
        text = (package / "actions.ts").read_text()
        (tmp_path / "wrong.ts").write_text(text.replace(right, wrong))
        with pytest.raises(AssertionError, match=r"wrong\.ts"):
            test_provider.compile_only(tmp_path, ["wrong.ts"])
    test_clients.run(
        tmp_path,
        find_program("node"),
        "--test",
        "actions.test.mjs",
        API_URL=str(api.client.base_url),
    )


def test_a_client_in_typescript(api: Api, tmp_path: Path) -> None:
    document = json.dumps(api.client.get("/openapi.json").json())
    test_clients.generate(tmp_path, document, test_clients.TYPES)
    (tmp_path / "node_modules").unlink()
    (tmp_path / "fetch.ts").write_text(FETCH)
    compiled(tmp_path, test_clients.PACKAGE, "fetch.ts")
    url = str(api.client.base_url)
    printed = test_clients.run(tmp_path, find_program("node"), "out/fetch.js", url)
    assert printed == "ann: x, c, None 2\n"


def test_a_client_in_python(api: Api, tmp_path: Path) -> None:
    document = json.dumps(api.client.get("/openapi.json").json())
    (tmp_path / "openapi.json").write_text(document)
    test_clients.run(tmp_path, "bash", "-c", test_clients.PYTHON)
    (tmp_path / "use.py").write_text(PYTHON)
    printed = test_clients.run(
        tmp_path, test_clients.interpreter(), "use.py", str(api.client.base_url)
    )
    assert printed == "ann: x, a b, None\n2\n"

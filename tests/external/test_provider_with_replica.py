"""`clients/provider.ts` sends the token of the latest write with its reads."""

import json
import shutil
from pathlib import Path

import pytest

import crudgen
from tests.external.test_provider import PACKAGE, compile_only, run
from tests.support.servers import write_entities

pytestmark = pytest.mark.external
SCRIPT = """
import { reactAdminProvider } from "./out/provider.js";
const sent = [];
const tokens = ["B", "A", "C"];  // responses of concurrent writes arrive in any order
const fetch = async (url, { method, headers }) => {
  sent.push([method, headers["X-Read-After"] ?? null]);
  const added = method === "GET" ? {} : { "X-Read-After": tokens.shift() };
  return new Response('{"id": 1, "name": "x"}', { status: 200, headers: added });
};
const provider = reactAdminProvider("http://api", { fetch });
await provider.getOne("heroes", { id: 1 });
for (const _ of [1, 2, 3]) {
  await provider.create("heroes", { data: { name: "x" } });
  await provider.getOne("heroes", { id: 1 });
}
console.log(JSON.stringify(sent));
"""


def test_reads_have_the_latest_token(tmp_path: Path) -> None:
    entities = write_entities(tmp_path / "entities", {"hero": "name: Hero\nfields: {name: str}\n"})
    (tmp_path / "crudgen.yaml").write_text("read_replica: true\nemit: [provider]\n")
    tree = crudgen.render(crudgen.load(entities))
    folder = tmp_path / "provider"
    folder.mkdir()
    for file in ("package.json", "tsconfig.json"):
        shutil.copy(PACKAGE / file, folder)
    (folder / "node_modules").symlink_to(PACKAGE / "node_modules")
    (folder / "provider.ts").write_text(tree["clients/provider.ts"])
    compile_only(folder, ["provider.ts"], outDir="out", noEmit=False)
    run(folder, "node_modules/.bin/tsc", "--project", "only.json")
    (folder / "run.mjs").write_text(SCRIPT)
    sent = json.loads(run(folder, "node", "run.mjs"))
    reads = [token for method, token in sent if method == "GET"]
    assert reads == [None, "B", "B", "C"]
    assert [token for method, token in sent if method == "POST"] == [None] * 3

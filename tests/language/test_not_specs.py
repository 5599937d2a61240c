"""Of a file that is no spec nothing is shown, wherever a link leads, and nothing hangs."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crudgen.errors import SpecError
from crudgen.language import load
from tests.support import forked

HERO = "name: Hero\nfields:\n  name: str\n"
HIDDEN = "hunter2"
NOT_SPECS: dict[str, str | bytes] = {
    "key": f"-----BEGIN PRIVATE KEY-----\n{HIDDEN}\n-----END PRIVATE KEY-----\n",
    "encrypted key": f"-----BEGIN RSA-----\nProc-Type: 4,{HIDDEN}\n\n{HIDDEN}\n",
    "passwd": f"root:x:0:0:{HIDDEN}:/root:/bin/bash\nmail:x:8:8:{HIDDEN}:/:/bin/sh\n",
    "env": f"DATABASE_URL=postgresql://u:{HIDDEN}@host/db\n",
    "one line": HIDDEN,
    "list": f"- {HIDDEN}\n- name: x\n",
    "kubernetes": f"apiVersion: v1\nkind: Secret\ndata: {{password: {HIDDEN}}}\n",
    "compose": f"services:\n  db:\n    environment: [PASSWORD={HIDDEN}]\n",
    "json": json.dumps({"password": HIDDEN, "user": "root"}),
    "tab": f"\t{HIDDEN}\n",
    "alias": f"*{HIDDEN}\n",
    "tag": f"!!{HIDDEN} x\n",
    "merge": f"{HIDDEN}: &a 1\n<<: *a\n",
    "control": f"{HIDDEN}\x01\n",
    "number": f"{HIDDEN}: {'9' * 70}\n",
    "open quote": f'"{HIDDEN}\n',
    "long line": f"{HIDDEN}{'x' * 5000}: [",
    "twice": f"{HIDDEN}: 1\n{HIDDEN}: 2\n",
    "second document": f"{HIDDEN}: 1\n---\n{HIDDEN}: 1\n",
    "latin": f"{HIDDEN}: \xe9\n".encode("latin-1"),
    "binary": b"\x30\x82\x04\xa4" + HIDDEN.encode() + bytes(range(256)),
    "utf-16": f"name: {HIDDEN}\n".encode("utf-16"),
    "utf-16 without a mark": f"name: {HIDDEN}\n".encode("utf-16-le"),
    "utf-32": f"name: {HIDDEN}\n".encode("utf-32"),
    "too large": HIDDEN.encode() * 100_000,
}
MORE_BEHIND_LINKS = {
    "flat": f"name: production\npassword: {HIDDEN}\n",
    "flat with a path": f"name: production\npath: /srv\ntoken: {HIDDEN}\n",
    "workflow": f"name: deploy\non: push\njobs: {{a: {{env: {{KEY: {HIDDEN}}}}}}}\n",
    "versioned": f"version: '3'\nservices: {{password: {HIDDEN}}}\n",
    "titled": f"title: x\nsecret: {HIDDEN}\n",
}


def data(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def said(folder: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load(folder)
    parts = [str(caught.value)]
    for diagnostic in caught.value.diagnostics:
        parts += [diagnostic.source, diagnostic.problem, diagnostic.remedy]
    return "\n".join(parts)


@pytest.fixture
def entities(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "project" / "entities"
    folder.mkdir(parents=True)
    (folder / "hero.yaml").write_text(HERO)
    return folder


Place = Callable[[Path, bytes], None]


def beside(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def linked(file: Path, content: bytes) -> None:
    target = file.parents[2] / "secrets" / "target"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
    file.symlink_to(target)


def linked_twice(file: Path, content: bytes) -> None:
    linked(file, content)
    between = file.with_name(".between")
    file.rename(between)
    file.symlink_to(between.name)


@pytest.mark.parametrize("name", ["entities/x.yaml", "crudgen.yaml"])
@pytest.mark.parametrize("place", [beside, linked, linked_twice])
@pytest.mark.parametrize("what", NOT_SPECS)
def test_nothing_is_shown_of_what_is_no_spec(
    entities: Path, name: str, place: Place, what: str
) -> None:
    file = entities.parent / name
    place(file, data(NOT_SPECS[what]))
    message = said(entities)
    assert HIDDEN not in message
    assert str(file) in message


@pytest.mark.parametrize("name", ["entities/x.yaml", "crudgen.yaml"])
@pytest.mark.parametrize("what", MORE_BEHIND_LINKS)
def test_a_link_elsewhere_shows_only_what_is_plainly_a_spec(
    entities: Path, name: str, what: str
) -> None:
    linked(entities.parent / name, data(MORE_BEHIND_LINKS[what]))
    assert HIDDEN not in said(entities)


def test_a_broken_spec_is_shown_also_behind_a_link(entities: Path) -> None:
    linked(entities / "x.yaml", b"name: Team\nfields:\n  name: strng\n")
    assert "  3 |   name: strng\n" in said(entities)
    (entities / "x.yaml").unlink()
    (entities / "y.yaml").write_text("name: Team\nfeilds:\n  name: str\n")
    assert "  2 | feilds:\n" in said(entities)
    (entities / "y.yaml").write_text("name: Team\nfields: }\n")
    assert "  2 | fields: }\n" in said(entities)
    (entities / "y.yaml").write_text('{"name": "Team", "fields": {"name": "strng"}}')
    assert '  1 | {"name"' in said(entities)


def test_links_of_a_config_map_are_followed(entities: Path) -> None:
    first = entities / "..2026_01_01"
    first.mkdir()
    (first / "team.yaml").write_text(HERO.replace("Hero", "Team"))
    (entities / "..data").symlink_to(first.name)
    (entities / "team.yaml").symlink_to("..data/team.yaml")
    linked(entities.parent / "crudgen.yaml", b"title: Linked\n")
    schema = load(entities)
    assert [entity.name for entity in schema.entities] == ["Hero", "Team"]
    assert schema.title == "Linked"
    (first / "team.yaml").write_text("name: Team\nnonsense: x\n")
    assert "  2 | nonsense: x\n" in said(entities)


@pytest.mark.parametrize("name", ["entities/x.yaml", "crudgen.yaml"])
@pytest.mark.parametrize(
    "what", ["loop", "nothing", "folder", "pipe", "device", "kernel", "socket"]
)
def test_what_is_no_file_is_refused_and_nobody_waits_for_it(
    entities: Path, name: str, what: str
) -> None:
    file = entities.parent / name
    match what:
        case "loop":
            file.symlink_to(file.name)
        case "nothing":
            file.symlink_to("nowhere")
        case "folder":
            file.symlink_to(entities.parent)
        case "pipe":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "kernel":
            file.symlink_to("/proc/kmsg")  # a file to the eye, and a read of it waits
        case "socket":
            os.mknod(file, 0o140600)
    done = forked.run(
        "crudgen", "check", str(entities), folder=entities.parent, environment=os.environ
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(str(file))


def test_other_commands_show_no_more(entities: Path) -> None:
    linked(entities / "x.yaml", data(NOT_SPECS["key"]))
    for command in (["check", "--json"], ["emit"], ["explain", "entities/x.yaml"], ["new", "Team"]):
        done = forked.run("crudgen", *command, folder=entities.parent, environment=os.environ)
        assert done.returncode == 1
        assert HIDDEN not in done.stdout + done.stderr
        assert "not an entity" in done.stdout + done.stderr

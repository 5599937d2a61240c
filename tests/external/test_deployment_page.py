"""docs/how-to/deployment.md: a path prefix that nginx removes is in the links."""

from pathlib import Path

import pytest

from tests.docs.pages import blocks_of, commands
from tests.external.programs import Programs
from tests.support.servers import Servers, free_port

pytestmark = pytest.mark.external
PAGE = "docs/how-to/deployment.md"


@pytest.mark.parametrize("as_option", [True, False])
def test_links_lead_through_a_proxy_that_removes_a_prefix(
    programs: Programs, servers: Servers, database: str, root: Path, as_option: bool
) -> None:
    command = next(
        line
        for block in blocks_of(PAGE, "bash")
        for line in commands(block)
        if "--root-path" in line
    )
    prefix = command.split()[-1]
    api = servers.start(
        root / "entities",
        "served",
        database,
        settings={} if as_option else {"ROOT_PATH": prefix},
        options=["--root-path", prefix] if as_option else [],
    )
    port = free_port()
    text = blocks_of(PAGE, "nginx")[1].text
    text = text.replace(":8000", f":{port}").replace(":8001", f":{api.address[1]}")
    programs.nginx(text, port)
    client = api.client.__class__(base_url=f"http://127.0.0.1:{port}", timeout=20)
    with client:
        for number in range(3):
            hero = {"name": str(number), "secret_name": "s"}
            made = client.post(f"{prefix}/heroes/", json=hero)
            assert made.status_code == 200
            assert client.get(made.headers["location"]).json() == made.json()
        page = client.get(f"{prefix}/heroes/?limit=1&cursor=")
        assert page.links["next"]["url"].startswith(f"{prefix}/heroes/")
        assert client.get(page.links["next"]["url"]).json()[0]["name"] == "1"
        assert client.get(f"{prefix}/ready").status_code == 200
    api.stop()

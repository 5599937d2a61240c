"""`crudgen serve` in a process of its own, and clients that ask without a pause."""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

import httpx
import pytest

PATIENCE = 30.0
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in {"FORCE_COLOR", "DATABASE_URL"}}


class Serve:
    """`crudgen serve`, and the lines that it prints."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crudgen", "serve", "--port", "0", *arguments],
            cwd=folder,
            env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self.url = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if '"GET /' not in line:
                self.output.append(line)
                self._lines.put(line)

    def wait_for(self, text: str) -> str:
        """Return the next line with a text, passing over the ones before."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                pytest.fail(f"{text!r} was never printed:\n{''.join(self.output)}")
            if text in line:
                return line

    def start(self) -> Self:
        self.url = self.wait_for("  api ").split()[-1]
        self.wait_for("Press Ctrl+C to stop")
        return self

    def save(self, text: str) -> None:
        draft = self.folder / "entities/.draft"
        draft.write_text(text)
        draft.replace(self.folder / "entities/hero.yaml")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join()
            assert self.process.stdout
            self.process.stdout.close()

    def text(self) -> str:
        return "".join(self.output)


class Load(threading.Thread):
    """One client on one connection that asks without a pause."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.count = 0
        self.failures: list[str] = []
        self.ports: set[object] = set()
        self.over = threading.Event()

    def run(self) -> None:
        limits = httpx.Limits(max_connections=1)
        with httpx.Client(base_url=self.url, limits=limits, timeout=PATIENCE) as client:
            while not self.over.wait(0.005):
                try:
                    answer = client.get("/heroes/")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                self.count += 1
                stream = answer.extensions["network_stream"]
                self.ports.add(stream.get_extra_info("client_addr"))
                if answer.status_code != 200:
                    self.failures.append(answer.text)

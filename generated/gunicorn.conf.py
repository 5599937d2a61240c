"""Settings of gunicorn: `pip install gunicorn uvicorn-worker`, then `gunicorn app.main:app`."""

from uvicorn_worker import UvicornWorker


class Worker(UvicornWorker):
    """A worker that runs the application with the options that its limits need."""

    CONFIG_KWARGS = {  # noqa: RUF012 - the base class declares it without ClassVar
        "http": "app.kit.http.protocol:HttpProtocol",
        "ws": "none",
        "server_header": False,
    }


worker_class = Worker

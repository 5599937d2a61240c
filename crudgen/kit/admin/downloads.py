"""Downloads of the files that rows contain: the values of properties of type `bytes`."""

import base64
import re
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .api_errors import http_error
from .reading import ReadingView

NAME = "file"
"""The name of the route."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def download_route(views: Mapping[str, ReadingView]) -> Route:
    """Return the route of a file: the key of a row and the name of a property select it."""

    async def download(request: Request) -> Response:
        view = views.get(request.path_params["key"])
        name, key = request.query_params.get("name", ""), request.query_params.get("pk", "")
        one = None if view is None else view.table.by_name.get(name)
        if view is None or one is None or one.kind != "bytes" or not view.is_accessible(request):
            raise HTTPException(404, "File not found")
        answer = await view.api.send(request, "GET", view.row_path(key))
        if not answer.is_success:
            raise http_error(answer)
        value: Any = answer.json.get(name)
        if value is None:
            raise HTTPException(404, "File not found")
        file = _UNSAFE.sub("_", f"{view.table.title}-{key}-{name}".lower())
        headers = {"content-disposition": f'attachment; filename="{file}.bin"'}
        return Response(base64.b64decode(value), 200, headers, "application/octet-stream")

    return Route("/_api/{key}/file", download, name=NAME)

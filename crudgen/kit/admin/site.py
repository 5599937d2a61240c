"""The pages of the admin page, by starlette-admin."""

import hashlib
import hmac
import logging
from collections.abc import Sequence

from jinja2 import DictLoader
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette_admin.auth import BaseAuthProvider
from starlette_admin.base import BaseAdmin
from starlette_admin.export import ExportConfig
from starlette_admin.importers import ImportConfig

from .actions import view_class
from .api_client import ApiClient
from .downloads import download_route
from .middleware_errors import MiddlewareErrors
from .reading import MAX_ROWS
from .tables import Table
from .templates import TEMPLATES


def build_site(
    title: str,
    tables: Sequence[Table],
    *,
    api: ApiClient,
    secret: bytes,
    provider: BaseAuthProvider | None,
    login_template: str,
) -> Starlette:
    """Return the application with the pages of all tables."""
    library = logging.getLogger("starlette_admin")
    if library.level == logging.NOTSET:  # it logs each page, and each mistake of a user
        library.setLevel(logging.ERROR)
    login = {"login.html": TEMPLATES[login_template]} if login_template else {}
    admin: BaseAdmin = BaseAdmin(
        title=title,
        templates_dir="templates/admin",
        additional_loaders=[DictLoader({**TEMPLATES, **login})],
        auth_provider=provider,
        middlewares=[Middleware(MiddlewareErrors, templates=lambda: admin.templates)],
        secret_key=hmac.new(secret, b"admin page", hashlib.sha256).hexdigest(),
        timezone_config=None,
        import_config=ImportConfig(max_rows=MAX_ROWS),
        export_config=ExportConfig(max_rows=MAX_ROWS),
    )
    by_name = {one.name: one for one in tables}
    views = {one.name: view_class(one)(one, by_name, api) for one in tables}
    for view in views.values():
        admin.add_view(view)
    admin.routes.append(download_route(views))
    admin.mount_to(Starlette())
    return admin.app

"""The pages of the admin page, by starlette-admin."""

import hashlib
import hmac
from collections.abc import Sequence

from jinja2 import DictLoader
from starlette.applications import Starlette
from starlette_admin.auth import BaseAuthProvider
from starlette_admin.base import BaseAdmin
from starlette_admin.export import ExportConfig
from starlette_admin.importers import ImportConfig

from .actions import view_class
from .calls import Api
from .reading import MAX_ROWS
from .tables import Table
from .templates import TEMPLATES


def build_site(
    title: str,
    tables: Sequence[Table],
    *,
    api: Api,
    secret: bytes,
    provider: BaseAuthProvider | None,
    login_template: str,
) -> Starlette:
    """Return the application with the pages of all tables."""
    login = {"login.html": TEMPLATES[login_template]} if login_template else {}
    admin = BaseAdmin(
        title=title,
        templates_dir="templates/admin",
        additional_loaders=[DictLoader({**TEMPLATES, **login})],
        auth_provider=provider,
        secret_key=hmac.new(secret, b"admin page", hashlib.sha256).hexdigest(),
        timezone_config=None,
        import_config=ImportConfig(max_rows=MAX_ROWS),
        export_config=ExportConfig(max_rows=MAX_ROWS),
    )
    by_name = {one.name: one for one in tables}
    for table in tables:
        admin.add_view(view_class(table)(table, by_name, api))
    admin.mount_to(Starlette())
    return admin.app

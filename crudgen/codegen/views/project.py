"""View of the project: routers, settings, requirements. Reason to change: files of the project."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, annotated, identifier, join, literal, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, statement, text_statement
from crudgen.language.limits import Limits
from crudgen.language.schema import KitForm, Schema

from .admin import admin_module, admin_settings, logs_in_at_provider
from .collections import collections_of
from .distribution import (
    DOCS_PAGES,
    POSTGRES,
    TEST,
    distribution_name,
    requirement_name,
    requirements,
)
from .events import event_router
from .links import own_links
from .mcp import mcp_router
from .references import by_name
from .replica import replica_router, replica_settings
from .tables import has_relations
from .telemetry import metrics_router, metrics_settings, tracing_router
from .users import (
    has_keys,
    has_users,
    import_commands,
    settings_base,
    settings_of_users,
    user_routers,
)
from .variables import folder_name, router_name
from .webhooks import (
    settings_of_webhooks,
    variables_of_webhooks,
    webhook_router,
    webhook_settings,
)


@dataclass(frozen=True, slots=True)
class ProjectView:
    """The data of generated files that do not belong to one entity."""

    imports: Code
    routers: Code
    main_imports: Code
    server_imports: Code
    protocol: Code
    kit: Code
    """The package of the kit."""
    is_copied: bool
    """Whether the kit is copied to the project."""
    settings_imports: Code
    settings: tuple[Code, ...]
    settings_base: Code
    distribution: Code
    """The name of the distribution."""
    has_ambiguous_class: bool
    """Whether ruff rejects the name of an entity as ambiguous: `I` or `O`."""
    requirements: tuple[Code, ...]
    postgres: Code
    """Requirements of the extra `postgres`."""
    test: Code
    """Requirements of the extra `test`."""
    has_relations: bool
    has_links: bool
    has_migrations: bool
    has_replica: bool
    has_callers: bool
    has_commands: bool
    has_users: bool
    has_keys: bool
    has_metrics: bool
    has_tracing: bool
    has_telemetry: bool
    has_agents: bool
    admin: Code
    """The module with the admin page; empty without one."""
    has_provider_logins: bool
    """Whether users of the admin page may log in at an identity provider."""
    webhooks: tuple[Code, ...]
    """The beginning of the environment variables of each webhook."""


def project_view(schema: Schema) -> ProjectView:
    """Return the view of the project of a schema."""
    imports, settings_imports, main_imports, server_imports = (
        Imports(schema.kit) for _ in range(4)
    )
    main_imports.use("fastapi", "FastAPI")
    main_imports.use(".api", "ROUTERS")
    main_imports.use(".kit.database", "session as get_session")
    main_imports.use(".kit.wiring", "build_application")
    main_imports.use(".settings", "Settings")
    server_imports.use(".kit.server", "run")
    import_commands(schema.auth, server_imports)
    is_copied = schema.kit is not KitForm.LIBRARY
    kit = "app.kit" if is_copied else "crudgen.kit"
    libraries = (*requirements(schema), *(DOCS_PAGES if is_copied else ()))
    base = _settings_bases(schema, settings_imports)
    settings = (
        text_statement(raw("api_title: str = "), schema.title, INDENT),
        text_statement(raw("api_version: str = "), schema.version, INDENT),
        *_migrations_setting(schema, settings_imports),
        *settings_of_users(schema, settings_imports),
        text_statement(raw("database_url: str = "), schema.database, INDENT),
        *_limit_settings(schema.limits, settings_imports),
        *_token_settings(schema),
        *settings_of_webhooks(schema, settings_imports),
    )
    for entity in schema.entities:
        folder, router = folder_name(entity.plural), router_name(entity.plural)
        imports.use(f".{folder}.routes", f"router as {router}")
    routers = [router_name(entity.plural) for entity in schema.entities]
    routers = [*user_routers(schema.auth, imports), *routers]
    routers += _nested_routers(schema, routers, imports)
    events: list[Bracket | Code] = [
        *event_router(schema, {*map(str, routers)}, imports),
        *webhook_router(schema, imports),
        *replica_router(schema, imports),
        *mcp_router(schema, imports),
        *metrics_router(schema, imports),
        *_admin_router(schema, {*map(str, routers)}, imports),
        *tracing_router(schema, imports),
    ]
    return ProjectView(
        imports=imports.code(),
        routers=statement(raw("ROUTERS = "), Bracket("[", (*routers, *events), "]")),
        settings=settings,
        settings_base=base,
        settings_imports=settings_imports.code(),
        main_imports=main_imports.code(),
        server_imports=server_imports.code(),
        protocol=literal(f"{kit}.http.protocol:HttpProtocol"),
        kit=identifier(kit),
        is_copied=is_copied,
        distribution=literal(distribution_name(schema.title)),
        has_ambiguous_class=any(entity.name in {"I", "O"} for entity in schema.entities),
        requirements=tuple(literal(item) for item in sorted(libraries, key=requirement_name)),
        postgres=_string_list(POSTGRES),
        test=_string_list(TEST),
        has_relations=has_relations(schema),
        has_links=any(own_links(entity) for entity in schema.entities),
        has_migrations=schema.migrations,
        has_replica=schema.read_replica,
        has_callers=schema.auth is not None,
        has_commands=has_users(schema.auth) or has_keys(schema.auth),
        has_users=has_users(schema.auth),
        has_keys=has_keys(schema.auth),
        has_metrics=schema.metrics,
        has_tracing=schema.tracing,
        has_telemetry=schema.metrics or schema.tracing,
        has_agents=schema.mcp is not None,
        admin=admin_module(schema) if schema.admin else raw(""),
        has_provider_logins=logs_in_at_provider(schema),
        webhooks=(*variables_of_webhooks(schema),),
    )


def _nested_routers(schema: Schema, taken: Collection[str], imports: Imports) -> Iterator[Code]:
    """Yield the names of the routers of routes under a row: `heroes_nested`."""
    entities = by_name(schema.entities)
    for entity in schema.entities:
        if collections_of(entity, entities):
            router = router_name(f"{entity.plural}_nested", taken)
            imports.use(f".{folder_name(entity.plural)}.nested", f"router as {router}")
            yield router


def _settings_bases(schema: Schema, imports: Imports) -> Code:
    """Return the base classes of the settings."""
    base = settings_base(schema)
    named = [*metrics_settings(schema), *webhook_settings(schema), *replica_settings(schema)]
    named += admin_settings(schema)
    if not named or base[1] != "BaseAppSettings":
        named.append(base)
    return join(raw(", "), [imports.name(*one) for one in named])


def _admin_router(schema: Schema, taken: Collection[str], imports: Imports) -> Iterator[Code]:
    """Yield the name of the admin page among the routers, if there is one."""
    if schema.admin:
        page = router_name("admin", taken)
        imports.use(f".{admin_module(schema)}", f"router as {page}")
        yield page


def _migrations_setting(schema: Schema, imports: Imports) -> Iterator[Code]:
    if schema.migrations:
        kind = imports.name("typing", "ClassVar")
        yield raw("migrations: ") + kind + raw("[bool] = True")


def _token_settings(schema: Schema) -> Iterator[Code]:
    """Yield the settings that say which tokens are valid."""
    if schema.auth is not None and (tokens := schema.auth.tokens) is not None:
        yield text_statement(raw("auth_issuer: str | None = "), tokens.issuer, INDENT)
        yield text_statement(raw("auth_audience: str | None = "), tokens.audience, INDENT)
        if tokens.jwks is not None:
            yield text_statement(raw("auth_jwks_url: str | None = "), tokens.jwks, INDENT)


def _string_list(texts: Iterable[str]) -> Code:
    return statement(raw(""), Bracket("[", tuple(literal(text) for text in texts), "]"))


def _limit_settings(limits: Limits, imports: Imports) -> Iterator[Code]:
    """Yield the settings of limits that differ from the defaults of the kit."""
    defaults = Limits()
    settings = {
        raw("max_body_bytes"): ("Bytes", limits.body_bytes, defaults.body_bytes),
        raw("database_connections"): ("Connections", limits.connections, defaults.connections),
        raw("statement_seconds"): ("Seconds", limits.statement_seconds, defaults.statement_seconds),
        raw("lock_seconds"): ("Seconds", limits.lock_seconds, defaults.lock_seconds),
    }
    for key, (kind, value, default) in settings.items():
        if value != default:
            declared = annotated(key, imports.name(".kit.settings", kind))
            yield declared + raw(" = ") + literal(value)

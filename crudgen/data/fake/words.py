"""Plausible texts for a field, by its name. Reason to change: what a name says about the text."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from crudgen.errors import ArgumentError
from crudgen.language.schema import Entity, Field, TypeName

_PEOPLE = {
    *("hero", "person", "user", "customer", "author", "employee", "member", "contact", "student"),
    *("teacher", "patient", "doctor", "player", "guest", "owner", "client", "manager", "driver"),
    *("friend", "actor", "artist", "singer", "writer", "admin", "account", "profile", "speaker"),
}
_COMPANIES = {
    *("company", "organization", "organisation", "supplier", "vendor", "shop", "store", "employer"),
    *("brand", "manufacturer", "publisher", "agency", "firm", "tenant", "bank", "hotel"),
}
_BY_NOUN = (
    (_PEOPLE, "name"),
    (_COMPANIES, "company"),
    ({"country", "nation"}, "country"),
    ({"city", "town"}, "city"),
    ({"tag", "category", "genre", "topic", "keyword"}, "word"),
)
"""Providers for the names of things, by the noun of the entity."""
_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"(first|given)_?name|forename", "first_name"),
    (r"(last|family)_?name|surname", "last_name"),
    (r"(user|login|nick|screen)_?name|login|handle|nick", "user_name"),
    (r"(file)_?name|file", "file_name"),
    (r"(host|domain)_?name|host|domain", "domain_name"),
    (r"company(_?name)?|employer|organi[sz]ation|vendor|supplier|brand", "company"),
    (r"(full|real|secret|display|contact)_?name|author|owner|contact|person|spouse", "name"),
    (r"city|town|birthplace|place|location", "city"),
    (r"country_?code", "country_code"),
    (r"country|nation|nationality", "country"),
    (r"state|region|province|county", "state"),
    (r"zip(_?code)?|post(al)?_?code", "postcode"),
    (r"street(_?address|_?name)?|address(_?line)?(_?[12])?", "street_address"),
    (r"(tele)?phone(_?number)?|mobile|fax|cell", "phone_number"),
    (r"job(_?title)?|profession|occupation|position|role", "job"),
    (r"currency(_?code)?", "currency_code"),
    (r"colou?r", "color_name"),
    (r"language", "language_name"),
    (r"time_?zone", "timezone"),
    (r"iban", "iban"),
    (r"isbn(13)?", "isbn13"),
    (r"ean|barcode|gtin", "ean13"),
    (r"ip(v4)?(_?address)?", "ipv4"),
    (r"mac(_?address)?", "mac_address"),
    (r"slug", "slug"),
    (r"mime(_?type)?|content_?type|media_?type", "mime_type"),
    (r"licen[cs]e_?plate|plate", "license_plate"),
    (r"e?_?mail(_?address)?", "email"),
    (r"url|website|homepage|link|avatar|image|photo|picture|logo", "url"),
    (r"password|secret|token|hash|api_?key", "password"),
    (r"(the_?)?(title|subject|headline|summary|caption|reason|motto|slogan)", "sentence"),
    (r"description|text|body|content|notes?|comments?|message|bio|about|details|review", "text"),
    (r"(product|item|article)(_?name)?", "two_words"),
    (r"tag|keyword|topic|category|genre|label|word|type|kind", "word"),
    (r"sku|code|number|reference|serial(_?number)?|isin|no", "code"),
)
_FIELD_PATTERNS = [(re.compile(rf"(?:.*_)?(?:{names})"), provider) for names, provider in _BY_NAME]
TextSource = Callable[[], str]


def new_faker(seed: str) -> Any:
    """Return Faker with a seed. Raises ArgumentError if it is not installed."""
    try:
        from faker import Faker  # noqa: PLC0415 -- an optional dependency, and slow to import
    except ImportError:
        raise ArgumentError(
            "rows are made up by the package Faker, which is not installed\n"
            "  pip install 'crudgen[fake]'"
        ) from None
    faker = Faker("en_US")
    faker.seed_instance(seed)
    return faker


def text_source(entity: Entity, field: Field, faker: Any) -> TextSource:
    """Return a function that makes up texts for a field; they may be too short or too long."""
    provider = _provider_name(entity, field)
    own = _OWN_PROVIDERS.get(provider)
    make = getattr(faker, provider) if own is None else partial(own, faker)
    return lambda: str(make())


def _two_words(faker: Any) -> str:
    return f"{faker.word()} {faker.word()}".title()


_OWN_PROVIDERS: dict[str, Callable[[Any], str]] = {
    "code": lambda faker: str(faker.bothify("??-####")).upper(),
    "password": lambda faker: str(faker.lexify("?" * 16)),
    "sentence": lambda faker: str(faker.sentence(nb_words=4)).rstrip("."),
    "text": lambda faker: str(faker.paragraph(nb_sentences=3)),
    "url": lambda faker: f"https://{faker.domain_name()}/{faker.slug()}",
    "email": lambda faker: str(faker.safe_email()),  # of a domain that nobody has
    "two_words": _two_words,
}
"""Texts that no provider of Faker makes."""


def _provider_name(entity: Entity, field: Field) -> str:
    """Return the name of a provider: one of Faker, or of _OWN_PROVIDERS."""
    if field.type in {TypeName.URL, TypeName.EMAIL}:
        return str(field.type)
    name = str(field.name).lower()
    found = next((provider for names, provider in _FIELD_PATTERNS if names.fullmatch(name)), None)
    if found is not None:
        return found
    if field.type is TypeName.TEXT:
        return "text"
    words = {name, *(str(entity.singular).split("_") if name.rpartition("_")[2] == "name" else ())}
    return next((provider for nouns, provider in _BY_NOUN if words & nouns), "two_words")

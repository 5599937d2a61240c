"""Articles and members with rules of all kinds, random rows, and what each caller sees of them."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

APP = "auth: {roles: [editor, admin], me: {id: int = sub, org: str?}}\n"
SPECS = {
    "topic.yaml": """\
name: Topic
fields: {name: str(1..20) index, open: bool = false}
access: {read: [anyone if open, editor, admin], write: [user if open, admin]}
api:
  include: [articles, articles__comments]
  related: [articles__any__title, articles__any__words]
  counts: [articles]
  nested: [articles]
""",
    "article.yaml": """\
name: Article
fields:
  number: int pk
  title: str(1..20) index
  state: enum(draft, public) = draft
  words: int? index
  owner_id: int = me
  topic_id: -> Topic?
links: {tags: Tag}
access:
  owner: owner_id
  read: [anyone if state = public, owner, editor if words > 5, admin]
  create: [owner, editor, admin]
  update: [owner if old.state = draft, editor, admin]
  delete: [owner, admin]
api:
  operations:
    [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  include: [topic, tags, comments, topic__articles]
  related: [topic__name, tags__any__name, comments__any__text]
  search: [title]
  counts: [comments]
  nested: [comments]
  write: {comments: create}
  idempotency: true
""",
    "tag.yaml": """\
name: Tag
fields: {name: str(1..20), secret: bool = false}
access: {read: [anyone if not secret, admin], write: [user if not secret, admin]}
api: {include: [articles], related: [articles__any__title]}
""",
    "comment.yaml": """\
name: Comment
fields: {text: str(1..20), owner_id: int = me, article_number: -> Article cascade}
access:
  owner: owner_id
  read: [anyone if article.state = public, owner, admin]
  create: owner
  update: owner
  delete: [owner, admin]
api: {include: [article], related: [article__title]}
""",
    "member.yaml": """\
name: Member
fields:
  name: str(1..20) unique
  email: str(1..20)?
  salary: decimal(6, 2)?
  grade: enum(junior, senior)?
  pin: str(1..20)? write_only
  owner_id: int = me
  org: str? = me.org read_only
  boss_id: -> Member? set_null inverse(minions)
access:
  owner: owner_id
  tenant: org
  read: user
  create: user
  update: [owner, editor]
  delete: [owner, admin]
  fields:
    email: {read: [owner, editor]}
    salary: {read: [owner, admin], write: [owner, editor]}
    grade: {read: editor, write: admin}
api:
  operations:
    [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  include: [boss, minions]
  related: [boss__name, boss__salary, minions__any__email]
  search: [name, email]
  counts: [minions]
  nested: [minions]
  idempotency: true
""",
}
Caller = tuple[list[str], dict[str, Any]] | None
CALLERS: Mapping[str, Caller] = {
    "guest": None,
    "ordinary": ([], {"sub": "5", "org": "greens"}),
    "owner": ([], {"sub": "1", "org": "reds"}),
    "tenant member": ([], {"sub": "2", "org": "reds"}),
    "editor": (["editor"], {"sub": "3", "org": "reds"}),
    "admin": (["admin"], {"sub": "4", "org": "blues"}),
    "without claims": ([], {"sub": "1"}),
}
Row = dict[str, Any]
Data = dict[str, dict[Any, Row]]
"""The rows of each table by their keys; those of links by both."""
LINKS = "article_tag_link"
REFERENCES = {
    "article": {"topic_id": "topic"},
    "comment": {"article_number": "article"},
    "member": {"boss_id": "member"},
    LINKS: {"article_number": "article", "tag_id": "tag"},
}
_IDS = (1, 2, 7, 8)
KEYS = range(1, 9)
_MAKERS: Mapping[str, Callable[[Random, Any], Row]] = {
    "topic": lambda random, key: {
        "id": key,
        "name": random.choice("abz"),
        "open": random.random() < 0.5,
    },
    "article": lambda random, key: {
        "number": key,
        "title": random.choice(["a", "b", "new"]),
        "state": random.choice(["draft", "draft", "public"]),
        "words": random.choice([None, 1, 5, 9]),
        "owner_id": random.choice(_IDS),
    },
    "tag": lambda random, key: {
        "id": key,
        "name": random.choice("abz"),
        "secret": random.random() < 0.5,
    },
    "comment": lambda random, key: {
        "id": key,
        "text": random.choice("abz"),
        "owner_id": random.choice(_IDS),
    },
    "member": lambda random, key: {
        "id": key,
        "name": random.choice([f"n{key}", f"n{key}", "new"]),
        "email": random.choice([None, "a@b", "z"]),
        "salary": random.choice([None, "1.50", "2.50", "9.00"]),
        "grade": random.choice([None, "junior", "senior"]),
        "pin": random.choice([None, "1", "2"]),
        "owner_id": random.choice(_IDS),
        "org": random.choice(["reds", "reds", "blues", "greens", None]),
    },
}


def rows(random: Random) -> Data:
    """Return random rows of all tables, some keys unused."""
    data: Data = {name: {} for name in (*_MAKERS, LINKS)}
    for name in _MAKERS:
        for key in random.sample(KEYS, 6):
            if row := _row(random, name, key, data):
                data[name][key] = row
    for number in data["article"]:
        for tag in random.sample([*data["tag"]], 2):
            data[LINKS][number, tag] = {"article_number": number, "tag_id": tag}
    return data


def _row(random: Random, name: str, key: Any, data: Data) -> Row | None:
    """Return a new row; None if there is nothing to refer to, or its name is taken."""
    row = _MAKERS[name](random, key)
    for column, target in REFERENCES.get(name, {}).items():
        found = [one for one in data[target] if target != name or one != key]
        is_needed = name == "comment"
        if is_needed and not found:
            return None
        row[column] = random.choice([*found, *([] if is_needed else [None])])
    if name == "member":
        pairs = {(one["org"], one["name"]) for one in data[name].values() if one["id"] != key}
        if (row["org"], row["name"]) in pairs:
            return None
    return row


def readable(name: str, caller: Caller, row: Row, data: Data) -> bool:
    """Return whether the rules let a caller read a row."""
    roles, claims = caller or ([], {})
    me = int(claims["sub"]) if claims else None
    if name == LINKS:
        article, tag = data["article"][row["article_number"]], data["tag"][row["tag_id"]]
        return readable("article", caller, article, data) and readable("tag", caller, tag, data)
    if name == "member":
        org = claims.get("org")
        return org is not None and row["org"] == org
    is_mine = me is not None and row.get("owner_id") == me
    if "admin" in roles or is_mine:
        return True
    if name == "comment":
        is_public = data["article"][row["article_number"]]["state"] == "public"
    elif name == "article":
        is_public = row["state"] == "public" or ("editor" in roles and (row["words"] or 0) > 5)
    else:
        is_public = not row["secret"] if name == "tag" else row["open"] or "editor" in roles
    return bool(is_public)


def seen(name: str, caller: Caller, row: Row) -> Row:
    """Return what a caller sees of a row that they can read."""
    if name != "member" or caller is None:
        return row
    roles, claims = caller
    is_mine = row["owner_id"] == int(claims["sub"])
    hidden = {"pin"}
    if not (is_mine or "editor" in roles):
        hidden.add("email")
    if not (is_mine or "admin" in roles):
        hidden.add("salary")
    if "editor" not in roles:
        hidden.add("grade")
    return {column: value for column, value in row.items() if column not in hidden}


def view(caller: Caller, data: Data) -> Data:
    """Return the rows that a caller can read, with the values that they see."""
    return {
        name: {
            key: seen(name, caller, row)
            for key, row in found.items()
            if readable(name, caller, row, data)
        }
        for name, found in data.items()
    }


def changed(random: Random, caller: Caller, data: Data, changes: int) -> Data:
    """Return other rows of which the caller sees the same: hidden ones come, go and change."""
    wanted, found = view(caller, data), data
    for _ in range(changes):
        other = _changed_once(random, found)
        if other is not None and view(caller, other) == wanted:
            found = other
    return found


def _changed_once(random: Random, data: Data) -> Data | None:
    """Return rows with one change; None if it breaks a reference or a constraint."""
    other = {name: dict(found) for name, found in data.items()}
    name = random.choice([*other])
    if name == LINKS:
        pair = random.choice(KEYS), random.choice(KEYS)
        if other[name].pop(pair, None) is None:
            if pair[0] not in data["article"] or pair[1] not in data["tag"]:
                return None
            other[name][pair] = {"article_number": pair[0], "tag_id": pair[1]}
        return other
    key = random.choice(KEYS)
    if key in other[name] and random.random() < 0.3:
        del other[name][key]
        is_kept = all(
            row[column] in {None, *other[target]}
            for table, references in REFERENCES.items()
            for column, target in references.items()
            for row in other[table].values()
        )
        return other if is_kept else None
    row = _row(random, name, key, other)
    if row is None:
        return None
    if key in other[name]:  # some of its values
        kept = {one: value for one, value in other[name][key].items() if random.random() < 0.5}
        row = {**row, **kept}
        names = (
            {(one["org"], one["name"]) for one in other[name].values()} if name == "member" else {}
        )
        if name == "member" and (row["org"], row["name"]) in names:
            row |= {one: other[name][key][one] for one in ("org", "name")}
    other[name][key] = row
    return other

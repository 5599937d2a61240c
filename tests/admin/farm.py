"""The spec of a farm with an admin page: all types, references, links and rules."""

APP = "title: Farm\nauth: {users: true, keys: true, roles: [editor, boss]}\nadmin: true\n"
SPECS = {
    "keeper.yaml": """\
name: Keeper
fields:
  code: str(1..8) pk
  name: str(1..40) unique
  note: text?
access: {read: user, write: [editor, boss]}
""",
    "tag.yaml": """\
name: Tag
fields:
  label: str(1..20) unique
api: {operations: [create, list], search: [label], sort: []}
access: {read: user, create: boss}
""",
    "pen.yaml": """\
name: Pen
fields:
  id: uuid pk read_only
  name: str(1..20)
api: {operations: [create, read, delete], etag: required}
access: {read: boss, create: boss, delete: boss}
""",
    "bird.yaml": """\
name: Bird
fields:
  ring: int(1..) pk
  name: str(1..20) unique
  weight: int(1..)?
  note: text?
  mate_ring: -> Bird?
api: {operations: [create, list, read, update, create_many, delete_many]}
access: {read: user, write: editor}
""",
    "crate.yaml": """\
name: Crate
fields:
  code: str(1..60) pk
  name: str(1..20)
api: {operations: [create, list, read, create_many]}
access: {read: user, write: boss}
""",
    "egg.yaml": """\
name: Egg
fields:
  crate_code: -> Crate? cascade
api: {operations: [create, list, create_many]}
access: {read: user, write: boss}
""",
    "nest.yaml": """\
name: Nest
fields:
  place: str(1..20)
  eggs: int?
access: {read: user, write: editor, fields: {eggs: {read: boss}}}
""",
    "animal.yaml": """\
name: Animal
fields:
  name: {type: str, min: 1, max: 40, doc: As the keeper calls it.}
  chip: int unique
  legs: int(0..100) = 4
  size: float?
  price: decimal(18,2) = 1.50
  tame: bool = true
  sold: bool?
  born: date?
  fed: time?
  seen: datetime?
  token: uuid?
  mood: enum(calm, wild) = calm
  mail: email?
  home: url?
  data: json?
  photo: bytes(..20)?
  story: text?
  secret: str(..20)? write_only
  breed: str(..20)? immutable
  made: datetime = now read_only
  keeper_code: -> Keeper?
  pen_id: -> Pen?
links:
  tags: Tag
check:
  - {rule: size <= 100, says: It does not fit}
api:
  search: [name, story]
  sort: [name, chip, legs]
  filter: [name, chip, legs, price, tame, sold, born, seen, mood, keeper_code, size]
  write: {tags: keys}
access:
  read: user
  create: editor
  update: [boss, editor if tame = true]
  delete: boss
actions:
  feed: {takes: {food: str(1..9), until: datetime?, much: bool = true}, doc: Feed it now.}
  sell: {access: boss}
""",
}
HOOKS = '''\
"""What happens with animals."""

from ..caller import Caller
from ..kit.hooks import Refused, Transaction
from .actions import AnimalFeed
from .models import Animal


def feed(tx: Transaction[Caller], animal: Animal, sent: AnimalFeed) -> Animal:
    """Feed an animal."""
    if sent.food == "stones":
        raise Refused("food", "It does not eat stones")
    animal.story = f"{sent.food} {sent.until} {sent.much}"
    return animal


def sell(tx: Transaction[Caller], animal: Animal) -> Animal:
    """Sell an animal."""
    animal.sold = True
    return animal
'''
"""The functions of the owner in app/animals/hooks.py."""

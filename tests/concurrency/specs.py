"""The entities of the applications that many clients use at the same time."""

ROWS = {
    "counter": """
name: Counter
fields:
  name: str(1..40)? unique
  number: int = 0
""",
    "seat": """
name: Seat
fields:
  code: str(1..20) pk
  guest: str = nobody
api: {operations: [read, list, replace, delete]}
""",
    "band": """
name: Band
fields: {name: str(1..20) pk, city: str = somewhere}
links: {genres: Genre}
""",
    "genre": """
name: Genre
fields: {name: str(1..20) pk, since: int = 0}
""",
    "thing": """
name: Thing
fields:
  word: enum(a, b, c)?
  level: int(0..3)
  weight: float?
  name: str(..20) index
  stays: bool = false
api: {page: {default: 7, max: 100}}
""",
}

ALL = "[create, list, read, update, replace, delete, create_many, update_many, delete_many]"
BY_NUMBER = "fields: {id: int pk, name: str = x}"

REFERENCES = {
    "team": f"name: Team\n{BY_NUMBER}\napi: {{operations: {ALL}}}\n",
    "hero": f"""
name: Hero
fields: {{name: str = x, team_id: -> Team?, ally_id: -> Team?  inverse(allies)}}
api: {{operations: {ALL}}}
""",
    "country": f"name: Country\n{BY_NUMBER}\napi: {{operations: {ALL}}}\n",
    "city": f"""
name: City
fields: {{id: int pk, name: str = x, country_id: -> Country? cascade}}
api: {{operations: {ALL}}}
""",
    "pet": f"""
name: Pet
fields: {{name: str = x, city_id: -> City cascade, home_id: -> City? set_null inverse(guests)}}
api: {{operations: {ALL}}}
""",
}
"""The deletion of a team is rejected while heroes refer to it. Countries and cities cascade."""

TOGETHER = {
    "product": f"name: Product\n{BY_NUMBER}\napi: {{operations: {ALL}}}\n",
    "customer": f"""
name: Customer
{BY_NUMBER}
api: {{operations: {ALL}, nested: [orders]}}
""",
    "order": f"""
name: Order
fields: {{customer_id: -> Customer, gift_id: -> Product?}}
api: {{operations: {ALL}, nested: [lines], write: {{lines: create, extras: create}}}}
""",
    "line": f"""
name: Line
fields: {{order_id: -> Order cascade, product_id: -> Product, code: str? unique}}
api: {{operations: {ALL}}}
""",
    "extra": f"""
name: Extra
fields: {{order_id: -> Order cascade, product_id: -> Product}}
api: {{operations: {ALL}}}
""",
}
"""Orders are created with lines and extras, all of which refer to products."""

LINKED = {
    "member": """
name: Member
fields: {name: str = x}
links: {skills: Skill}
api: {write: {skills: keys}}
""",
    "skill": f"name: Skill\n{BY_NUMBER}\napi: {{operations: {ALL}}}\n",
    "player": f"""
name: Player
{BY_NUMBER}
links: {{clubs: Club}}
api: {{operations: {ALL}, write: {{clubs: keys}}}}
""",
    "club": f"name: Club\n{BY_NUMBER}\napi: {{operations: {ALL}, write: {{players: keys}}}}\n",
    "node": f"""
name: Node
fields: {{id: int pk, label: str? unique, next_id: -> Node? inverse(previous)}}
links: {{peers: {{to: Node, inverse: false}}}}
api: {{operations: {ALL}, write: {{peers: keys}}}}
""",
}
"""Members are written with the keys of their skills; players and clubs with those of each other."""

SPECS = ROWS | REFERENCES | TOGETHER | LINKED

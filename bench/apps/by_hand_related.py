"""The hand-written application with relations, like that of SQLModel's tutorial."""

import os
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException, Query
from sqlalchemy.orm import selectinload
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine, select


class TeamBase(SQLModel):
    name: str = Field(index=True, unique=True)
    headquarters: str


class Team(TeamBase, table=True):
    id: int | None = Field(default=None, primary_key=True)

    heroes: list["Hero"] = Relationship(back_populates="team")


class TeamPublic(TeamBase):
    id: int


class HeroBase(SQLModel):
    name: str = Field(index=True)
    age: int | None = Field(default=None, index=True)
    team_id: int | None = Field(default=None, foreign_key="team.id", index=True)


class Hero(HeroBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    secret_name: str

    team: Team | None = Relationship(back_populates="heroes")


class HeroPublic(HeroBase):
    id: int


class HeroPublicWithTeam(HeroPublic):
    team: TeamPublic | None = None


class TeamPublicWithHeroes(TeamPublic):
    heroes: list[HeroPublic] = []


url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
arguments = {"check_same_thread": False} if url.startswith("sqlite") else {}
# As many connections as FastAPI has threads: with the usual 15, 64 clients stop it altogether.
engine = create_engine(url, connect_args=arguments, pool_size=40)


@asynccontextmanager
async def lifespan(_app: FastAPI):  # type: ignore[no-untyped-def]
    SQLModel.metadata.create_all(engine)
    yield


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]
app = FastAPI(lifespan=lifespan)


@app.get("/heroes/", response_model=list[HeroPublicWithTeam])
def read_heroes(
    session: SessionDep,
    offset: int = 0,
    limit: Annotated[int, Query(le=100)] = 100,
    team_name: str | None = None,
    sort: Literal["team"] | None = None,
) -> list[Hero]:
    heroes = select(Hero).options(selectinload(Hero.team))  # type: ignore[arg-type]
    if team_name is not None or sort is not None:
        heroes = heroes.join(Team)
    if team_name is not None:
        heroes = heroes.where(Team.name == team_name)
    if sort is not None:
        heroes = heroes.order_by(Team.name, Hero.id)  # type: ignore[arg-type]
    return list(session.exec(heroes.offset(offset).limit(limit)).all())


@app.get("/heroes/{hero_id}", response_model=HeroPublicWithTeam)
def read_hero(hero_id: int, session: SessionDep) -> Hero:
    hero = session.get(Hero, hero_id)
    if not hero:
        raise HTTPException(status_code=404, detail="Hero not found")
    return hero


@app.get("/teams/", response_model=list[TeamPublicWithHeroes])
def read_teams(
    session: SessionDep, offset: int = 0, limit: Annotated[int, Query(le=100)] = 100
) -> list[Team]:
    teams = select(Team).options(selectinload(Team.heroes))  # type: ignore[arg-type]
    return list(session.exec(teams.offset(offset).limit(limit)).all())

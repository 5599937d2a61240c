"""The same API with relations, implemented with FastCRUD's joins as its documentation shows."""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastcrud import FastCRUD, JoinConfig
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

url = os.environ["DATABASE_URL"]
url = url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+psycopg:")
engine = create_async_engine(url)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True, unique=True)
    headquarters: Mapped[str]


class Hero(Base):
    __tablename__ = "hero"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    age: Mapped[int | None] = mapped_column(index=True)
    secret_name: Mapped[str]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)


class TeamPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str
    headquarters: str
    id: int


class HeroPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str
    age: int | None = None
    team_id: int | None = None
    id: int


class HeroPublicWithTeam(HeroPublic):
    team: TeamPublic | None = None


class TeamPublicWithHeroes(TeamPublic):
    heroes: list[HeroPublic] = []


async def get_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
app = FastAPI()
heroes = FastCRUD(Hero)
teams = FastCRUD(Team)
WITH_TEAM = JoinConfig(
    model=Team,
    join_on=Hero.team_id == Team.id,
    join_prefix="team_",
    schema_to_select=TeamPublic,
    relationship_type="one-to-one",
)
WITH_HEROES = JoinConfig(
    model=Hero,
    join_on=Hero.team_id == Team.id,
    join_prefix="heroes_",
    schema_to_select=HeroPublic,
    relationship_type="one-to-many",
    nested_limit=10,
)


@app.get("/heroes/", response_model=list[HeroPublicWithTeam])
async def read_heroes(
    session: SessionDep, offset: int = 0, limit: int = 100, team_name: str | None = None
) -> Any:
    found = await heroes.get_multi_joined(
        session,
        schema_to_select=HeroPublic,
        joins_config=[WITH_TEAM],
        nest_joins=True,
        offset=offset,
        limit=limit,
        return_total_count=False,
        where=[] if team_name is None else [Team.name == team_name],
    )
    return found["data"]


@app.get("/heroes/{hero_id}", response_model=HeroPublicWithTeam)
async def read_hero(hero_id: int, session: SessionDep) -> Any:
    hero = await heroes.get_joined(
        session,
        schema_to_select=HeroPublic,
        joins_config=[WITH_TEAM],
        nest_joins=True,
        id=hero_id,
    )
    if not hero:
        raise HTTPException(status_code=404, detail="Hero not found")
    return hero


@app.get("/teams/", response_model=list[TeamPublicWithHeroes])
async def read_teams(session: SessionDep, offset: int = 0, limit: int = 100) -> Any:
    found = await teams.get_multi_joined(
        session,
        schema_to_select=TeamPublic,
        joins_config=[WITH_HEROES],
        nest_joins=True,
        offset=offset,
        limit=limit,
        return_total_count=False,
    )
    return found["data"]

"""The same API, implemented with FastCRUD as its documentation shows."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastcrud import crud_router
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

url = os.environ["DATABASE_URL"]
url = url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+psycopg:")
engine = create_async_engine(url)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Hero(Base):
    __tablename__ = "hero"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    age: Mapped[int | None] = mapped_column(index=True)
    secret_name: Mapped[str]


class HeroPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str
    age: int | None = None
    id: int


class HeroCreate(BaseModel):
    name: str
    age: int | None = None
    secret_name: str


class HeroUpdate(BaseModel):
    name: str | None = None
    age: int | None = None
    secret_name: str | None = None


async def get_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)
app.include_router(
    crud_router(
        session=get_session,
        model=Hero,
        create_schema=HeroCreate,
        update_schema=HeroUpdate,
        select_schema=HeroPublic,
        path="/heroes",
        tags=["heroes"],
    )
)

"""The hand-written application of notes with callers: PyJWT, a dependency, and the same rules."""

import os
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlmodel import Field, Session, SQLModel, create_engine, select


class Caller(BaseModel):
    id: int
    roles: list[str] = []


class NoteBase(SQLModel):
    title: str = Field(min_length=1, max_length=80)
    text: str = Field(max_length=500)
    owner_id: int = Field(index=True)


class Note(NoteBase, table=True):
    id: int | None = Field(default=None, primary_key=True)


class NotePublic(NoteBase):
    id: int


class NoteUpdate(SQLModel):
    title: str | None = Field(default=None, min_length=1, max_length=80)
    text: str | None = Field(default=None, max_length=500)
    owner_id: int | None = None


secret = os.environ["AUTH_SECRET"]
url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
arguments = {"check_same_thread": False} if url.startswith("sqlite") else {}
engine = create_engine(url, connect_args=arguments, pool_size=40)


@asynccontextmanager
async def lifespan(_app: FastAPI):  # type: ignore[no-untyped-def]
    SQLModel.metadata.create_all(engine)
    yield


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def get_caller(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> Caller:
    try:
        claims = jwt.decode(
            credentials.credentials,
            secret,
            algorithms=["HS256"],
            options={"require": ["exp", "sub"]},
        )
        return Caller(id=claims["sub"], roles=claims.get("roles", []))
    except (jwt.InvalidTokenError, ValueError) as error:
        raise HTTPException(status_code=401, detail="Invalid token") from error


SessionDep = Annotated[Session, Depends(get_session)]
CallerDep = Annotated[Caller, Depends(get_caller)]
app = FastAPI(lifespan=lifespan)


@app.get("/notes/", response_model=list[NotePublic])
def read_notes(
    session: SessionDep,
    me: CallerDep,
    offset: int = 0,
    limit: Annotated[int, Query(le=100)] = 100,
) -> list[Note]:
    statement = select(Note)
    if "auditor" not in me.roles:
        statement = statement.where(Note.owner_id == me.id)
    return list(session.exec(statement.offset(offset).limit(limit)).all())


@app.get("/notes/{note_id}", response_model=NotePublic)
def read_note(note_id: int, session: SessionDep, me: CallerDep) -> Note:
    note = session.get(Note, note_id)
    if not note or (note.owner_id != me.id and "auditor" not in me.roles):
        raise HTTPException(status_code=404, detail="Note not found")
    return note


@app.patch("/notes/{note_id}", response_model=NotePublic)
def update_note(note_id: int, note: NoteUpdate, session: SessionDep, me: CallerDep) -> Note:
    note_db = session.get(Note, note_id)
    if not note_db or (note_db.owner_id != me.id and "auditor" not in me.roles):
        raise HTTPException(status_code=404, detail="Note not found")
    note_db.sqlmodel_update(note.model_dump(exclude_unset=True))
    if note_db.owner_id != me.id:
        raise HTTPException(status_code=403, detail="Only the owner may update a note")
    session.add(note_db)
    session.commit()
    session.refresh(note_db)
    return note_db

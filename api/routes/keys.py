"""Keys of other systems, for administrators."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

import data.keys
from api.actions import people
from api.deps import Limit, Now, Session, Who, WriteSession, allow, next_link
from api.routes.people import After, Number
from api.schemas.people import Key, KeyList, NewKey, NewKeyMade

router = APIRouter(prefix="/api/keys", tags=["people"], dependencies=[allow("admin")])


@router.get("", summary="All keys, not the secrets themselves")
def search(request: Request, session: Session, after: After = 0, limit: Limit = 100) -> KeyList:
    keys = [Key(**row) for row in data.keys.search(session, after=after, limit=limit)]
    last = keys[-1].id if keys else None
    return KeyList(keys=keys, next=next_link(request, rows=len(keys), limit=limit, after=last))


@router.post("", summary="Make a key; the answer shows it once", status_code=201)
def add(session: WriteSession, response: Response, who: Who, now: Now, body: NewKey) -> NewKeyMade:
    """One that names more than unit and due date opens nothing until a second person confirms it."""
    asked = people.KeyFor(body.name, body.scopes, body.fields, body.expires_at)
    made = people.add_key(session, who, body.user_id, asked, now=now)
    response.headers["Cache-Control"] = "no-store"
    return NewKeyMade(id=made.id, key=made.key, waits=made.waits)


@router.delete("/{key_id}", summary="Revoke a key", status_code=204)
def revoke(session: WriteSession, who: Who, key_id: Number) -> None:
    people.revoke_key(session, who, key_id)

"""Who is asking: a person with a token, another system with a key, or nobody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Somebody whose right to come in has been verified in this very request."""

    #: The role she acts in; the database knows it as `wangge_<role>`.
    role: str = "public"
    user_id: int | None = None
    login: str = ""
    #: What a key may be used for; a person may do whatever her role may.
    scopes: frozenset[str] | None = None
    key_id: int | None = None
    #: The session of a token: one person on one device.
    session_id: str | None = None

    @property
    def db_role(self) -> str:
        """The role of the database that decides what she sees."""
        return f"wangge_{self.role}"

    @property
    def actor(self) -> str:
        """Her name in the audit log: a number, never a login."""
        return "" if self.user_id is None else str(self.user_id)


NOBODY = Caller()

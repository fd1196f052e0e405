"""What is sent and given when somebody logs in (RFC 6749, 7009)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.schemas.areas import Answer

Role = Literal["street", "community", "inspector", "planner", "auditor", "admin"]
#: Chosen by the client once and kept on its device: long enough not to be guessed.
Device = Annotated[str, Field(min_length=16, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class Form(BaseModel):
    """Fields that a client sends beside these, such as `client_id`, are not looked at (RFC 6749, 3.2)."""

    model_config = ConfigDict(extra="ignore")


class Proof(Form):
    """What shows who somebody is, before she is let in."""

    username: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
    password: Annotated[SecretStr, Field(min_length=1, max_length=128)]
    otp: Annotated[
        SecretStr | None, Field(min_length=6, max_length=32, description="Six digits, or a recovery code.")
    ] = None
    device_id: Annotated[Device | None, Field(description="Without it there is no refresh token.")] = None


class PasswordGrant(Proof):
    grant_type: Literal["password"]
    scope: Annotated[Role | None, Field(description="The role to act in; else the first one held.")] = None


class PasswordChange(Proof):
    new_password: Annotated[SecretStr, Field(min_length=10, max_length=128)]


class SecondFactor(Answer):
    """Shown this once."""

    secret: str = Field(description="For the device, in base32: SHA-1, six digits, thirty seconds (RFC 6238).")
    uri: str = Field(description="The same as an `otpauth:` address, for a QR code.")
    recovery_codes: list[str] = Field(description="Each is good once in the place of a code.")


class RefreshGrant(Form):
    grant_type: Literal["refresh_token"]
    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=128)]
    device_id: Device


class Revocation(Form):
    token: Annotated[SecretStr, Field(min_length=1, max_length=2000, description="An access or refresh token.")]


class Token(Answer):
    """RFC 6749, 5.1; `scope` is the role."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="Seconds.")
    refresh_token: str | None = Field(description="Null when no device was named.")
    scope: str


class Me(Answer):
    """Whoever is asking."""

    login: str
    name: str
    role: str = Field(description="The one acted in.")
    roles: list[str] = Field(description="All that are held today.")
    areas: list[str] = Field(description="Codes of the areas in which the role is held today.")
    scopes: list[str] | None = Field(description="Of a key; null for a person.")

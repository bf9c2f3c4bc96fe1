"""What goes in and comes out of the API, as types that bound everything a stranger could send."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _plain(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("is not UTF-8") from error
    return text


_ANY = r"^[^\x00]*$"
_SAYS = r"^[^\x00]*[^\x00\s][^\x00]*$"
Id = Annotated[str, Field(min_length=1, max_length=512, pattern=_ANY), AfterValidator(_plain)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=_SAYS), AfterValidator(_plain)]
Code = Annotated[str, Field(min_length=1, max_length=80, pattern=_SAYS), AfterValidator(_plain)]
Note = Annotated[str, Field(max_length=2000, pattern=_ANY), AfterValidator(_plain)]
Sentence = Annotated[str, Field(max_length=600, pattern=_ANY), AfterValidator(_plain)]
Action = Literal["watch", "step_up", "throttle", "trim", "block_new_keys", "suspend"]
Scope = Literal["exchange", "key", "account", "organisation", "campaign"]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LimitsIn(_In):
    """What throttle and trim mean in numbers."""

    per_minute: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    retry_after_s: Annotated[int, Field(ge=0, le=86_400)] = 60
    logprobs: bool = True
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    reasoning: Literal["keep", "shorten", "withhold"] = "keep"


class ByHand(_In):
    """A decision by a person. `enforce` false (the default) only records and shows it."""

    action: Action
    scope: Scope
    value: Id
    reason: Code
    tell: Sentence = ""
    hours: Annotated[float, Field(gt=0, le=2160, allow_inf_nan=False)] = 24.0
    enforce: bool = False
    limits: LimitsIn = LimitsIn()
    members: Annotated[list[Id], Field(max_length=200_000)] = []


class Because(_In):
    """Why."""

    reason: Reason


class Approval(_In):
    """What the approver adds, if anything."""

    note: Note = ""


class Allow(_In):
    """Whom nothing holds back, and until when (epoch seconds, UTC; null: until it is ended)."""

    scope: Literal["account", "key", "organisation"]
    value: Id
    reason: Reason
    until: Annotated[float, Field(ge=0, le=32503680000.0, allow_inf_nan=False)] | None = None


class VerdictIn(_In):
    """What a person concluded on a campaign or an account."""

    kind: Literal["campaign", "account"]
    subject: Id
    verdict: Literal["confirm", "wrong"]
    reason: Reason


class AppealIn(_In):
    """A customer's appeal, in the customer's words."""

    account_id: Id
    says: Reason


class Answer(_In):
    """The answer to an appeal."""

    granted: bool
    reason: Reason


class Items(_In):
    """What a gateway sends back, at most 10,000 at once; an item that is not understood is passed over."""

    items: Annotated[list[dict[str, Any]], Field(max_length=10_000)]


class Done(BaseModel):
    """What was done: the id of the decision, verdict or appeal."""

    id: str


class Taken(BaseModel):
    """How many of what was sent were new."""

    new: int


class Wrong(BaseModel):
    """What went wrong, and what mends it."""

    where: str
    what: str
    hint: str


class Delta(BaseModel):
    """What changed since a cursor; see stillwatch_gateway/wire.py."""

    cursor: int
    reset: bool
    now: float
    known: str
    upsert: list[dict[str, Any]]
    delete: list[str]


class Rows(BaseModel):
    """Rows of a table, newest first, and how many there are in all."""

    rows: list[dict[str, Any]]
    total: int


class Told(BaseModel):
    """What a customer may be told of what holds now."""

    account_id: str
    sentences: list[str]


class Audit(BaseModel):
    """Whether the audit log holds: its lines up to the first fault."""

    lines: int
    fault: str | None


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"]
    version: str

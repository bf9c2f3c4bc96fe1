"""The proxy's authenticator in the tests: the account stands in the key, and no database is needed."""

from __future__ import annotations

from fastapi import Request
from litellm.proxy._types import UserAPIKeyAuth


async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
    """`sk-<account>-canary-...` is that account's key."""
    account = api_key.removeprefix("sk-").split("-canary-")[0]
    return UserAPIKeyAuth(api_key=api_key, user_id=account, org_id="org-1")

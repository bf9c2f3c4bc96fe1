"""Alerts as JSON for a webhook and as text for Slack; each says whether what it tells of is only a simulation."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stillwatch.errors import OutsideError, UsageError

_TIMEOUT_S = 5.0


def check_url(where: str, url: str) -> None:
    """UsageError where an alert's URL is not one of http or https."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(where, "is not an http or https URL", "https://example.org/hook")


def sentence(event: str, body: Mapping[str, Any]) -> str:
    """The alert in one sentence; only our own words, numbers and ids in it."""
    if event == "appeal":
        return f"Appeal {body.get('appeal')} was brought against {body.get('decision_id') or 'no decision that holds'}."
    if event == "too many newcomers":
        return (
            f"More new accounts than three times its size ({body.get('accounts')}) sent templates of "
            f"{body.get('campaign_id')}: its marks may be anybody's, or a gateway's token is in other hands."
        )
    if event == "verdict wrong":
        return f"Verdict: {body.get('campaign_id') or 'an account'} was accused wrongly. What was decided is undone."
    what = f"{body.get('action')} for {body.get('accounts')} account(s) of {body.get('campaign_id') or 'one actor'}"
    said = {"waits for approval": "waits for a person's approval", "approved": "was approved", "decided": "was decided"}
    lead = "SIMULATED: " if body.get("simulated") else ""
    return f"{lead}{what} {said.get(event, event)} ({body.get('decision_id')}). {body.get('why') or ''}".strip()


def slack_form(event: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """As Slack's incoming webhooks take it; `&`, `<` and `>` escaped as they ask."""
    text = sentence(event, body).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}]}


def send(url: str, document: Mapping[str, Any]) -> None:
    """Posts one JSON document. OutsideError where nobody takes it."""
    request = urllib.request.Request(
        url, json.dumps(document).encode(), {"Content-Type": "application/json", "User-Agent": "stillwatch"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            answer.read(1024)
    except (OSError, ValueError) as error:
        raise OutsideError(
            "alert", f"could not be sent ({type(error).__name__})", "check the URL in [decide]"
        ) from error

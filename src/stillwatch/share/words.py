"""Words that others fixed: TLP 2.0, ATLAS, ICD 203, Admiralty grades; and the id of our own extension.

Sources: OASIS cti-stix-common-objects (TLP 2.0), MITRE ATLAS navigator data of 24 June 2026, ICD 203, FIRST TLP 2.0.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

#: Everything of ours is a UUIDv5 in this space, of words that are no secret.
OURS = uuid.UUID("0f7d5c1e-7a0b-5d36-9b0e-6f3f6a4f2f11")
EXTENSION_ID = f"extension-definition--{uuid.uuid5(OURS, 'distillation-indicators-1')}"
EXTENSION_VERSION = "1.1.0"
TLP_EXTENSION_ID = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP_CREATED = "2022-10-01T00:00:00.000Z"

#: From the widest audience to the narrowest.
TLP: Mapping[str, str] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}

#: ATLAS techniques that may be named: (name, MITRE's own STIX id, or none where it is not pinned here).
ATLAS: Mapping[str, tuple[str, str | None]] = {
    "AML.T0005.001": ("Train Proxy via Replication", "298dc6c6-5683-5475-b724-2a2a3db3a7dc"),
    "AML.T0008.005": ("AI Service Proxies", "647ac4ac-b2bc-53f7-ab83-81f421a1f0b5"),
    "AML.T0012": ("Valid Accounts", None),
    "AML.T0021": ("Establish Accounts", "d3d7763a-58e1-5e38-84fd-3abea967cb08"),
    "AML.T0024": ("Exfiltration via AI Inference API", "85fed2c6-e2df-595e-88bf-f356a17cec21"),
    "AML.T0024.002": ("Extract AI Model", "3f567912-629a-5e0b-ab0c-0102977c2d6c"),
    "AML.T0040": ("AI Model Inference API Access", None),
    "AML.T0048.004": ("AI Intellectual Property Theft", "73772ced-edba-578c-bacd-703e082a9c57"),
    "AML.T0051": ("LLM Prompt Injection", None),
    "AML.T0054": ("LLM Jailbreak", None),
    "AML.T0056": ("Extract LLM System Prompt", None),
    "AML.T0065": ("LLM Prompt Crafting", None),
}

#: Kinds of finding, as the contract has them.
KINDS = ("distillation", "relay", "replay", "account_network")

#: Percent from which each ICD 203 term holds.
_ICD203 = (
    (95.0, "almost certain"), (80.0, "very likely"), (55.0, "likely"), (45.0, "roughly even chance"),
    (20.0, "unlikely"), (5.0, "very unlikely"),
)  # fmt: skip

#: How far a source's own probability is believed, by its reliability on the Admiralty scale; F: cannot be judged.
RELIABILITY: Mapping[str, float] = {"A": 1.0, "B": 0.9, "C": 0.7, "D": 0.5, "E": 0.25, "F": 0.5}


def icd203(percent: float) -> str:
    """The ICD 203 term of a probability in percent."""
    return next((word for least, word in _ICD203 if percent >= least), "almost no chance")


def attack_pattern_id(atlas: str) -> str:
    """The STIX id of an ATLAS technique: MITRE's own where it is pinned, else ours."""
    known = ATLAS[atlas][1]
    return f"attack-pattern--{known or uuid.uuid5(OURS, atlas)}"


def our_id(kind: str, *of: str) -> str:
    """A STIX id that depends on these words only. Never give it an identifier of a customer: a hash of one is one."""
    return f"{kind}--{uuid.uuid5(OURS, chr(0).join((kind, *of)))}"


def tlp_marking(level: str) -> dict[str, Any]:
    """The official marking object of a TLP 2.0 level."""
    return {
        "type": "marking-definition", "spec_version": "2.1", "id": TLP[level], "created": _TLP_CREATED,
        "name": f"TLP:{level.upper()}",
        "extensions": {TLP_EXTENSION_ID: {"extension_type": "property-extension", "tlp_2_0": level}},
    }  # fmt: skip


def tlp_of(marking_id: str) -> str | None:
    """The level that a marking stands for; None where it is none of TLP 2.0's."""
    return next((level for level, known in TLP.items() if known == marking_id), None)


def stricter(a: str, b: str) -> str:
    """The narrower of two levels."""
    order = list(TLP)
    return max(a, b, key=order.index)

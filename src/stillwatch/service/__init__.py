"""The decision service: a small HTTP API over a home's decisions, for gateways, analysts and alerts."""

from stillwatch.service.app import create_app
from stillwatch.service.run import serve

__all__ = ["create_app", "serve"]

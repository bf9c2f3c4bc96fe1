"""`python -m stillwatch_gateway`: serve a door (guardrail, ext-authz), or say what a gateway's cache holds (status)."""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
from pathlib import Path

from stillwatch_gateway.asgi import TrustedHeaders
from stillwatch_gateway.asgi_io import App
from stillwatch_gateway.assembly import assembled
from stillwatch_gateway.ext_authz import ext_authz_app
from stillwatch_gateway.guardrail_api import guardrail_app
from stillwatch_gateway.settings import GatewaySettings, SettingsError
from stillwatch_gateway.status import status_of

LONGEST_TOKEN = 4096


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; 0 done, 2 the caller can mend it, 3 something outside failed."""
    asked = _parser().parse_args(arguments)
    try:
        settings = GatewaySettings.from_environment()
    except SettingsError as error:
        return _fault(str(error), "mend the environment; docs/gateway.md lists the variables")
    return _status(asked, settings) if asked.command == "status" else _serve(asked, settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stillwatch_gateway",
        description="Follows stillwatch's decisions in a gateway. Settings: the variables STILLWATCH_GATEWAY_*.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer a gateway that asks over HTTP (needs uvicorn)")
    serve.add_argument("door", choices=["guardrail", "ext-authz"])
    serve.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1; any other needs --token-file")
    serve.add_argument("--port", type=int, default=8089)
    serve.add_argument("--token-file", type=Path, help="file with the token that callers must bear")
    serve.add_argument("--account-header", default="", help="ext-authz: the header that names the account")
    serve.add_argument("--key-header", default="", help="ext-authz: the header that names the key")
    serve.add_argument("--organisation-header", default="", help="ext-authz: the header that names the organisation")
    serve.add_argument("--prefix", default="/check", help="ext-authz: the path prefix that Envoy puts before checks")
    status = commands.add_parser("status", help="what the cache folder holds")
    status.add_argument("--cache-dir", type=Path, help="default: STILLWATCH_GATEWAY_CACHE_DIR")
    status.add_argument("--json", action="store_true", help="one JSON document")
    return parser


def _serve(asked: argparse.Namespace, settings: GatewaySettings) -> int:
    try:
        token = _token(asked.token_file)
    except OSError as error:
        return _fault(f"--token-file: {error.strerror}", "name a file that this user can read")
    if not _loopback(asked.host) and not token:
        return _fault(f"--host {asked.host}: not on loopback without a token", "give --token-file, or --host 127.0.0.1")
    if asked.door == "ext-authz" and not (asked.account_header or asked.key_header):
        return _fault("ext-authz: who calls must come from a header", "name it: --account-header x-account-id")
    if not (settings.url or settings.redis):
        return _fault("no decision service is named", "set STILLWATCH_GATEWAY_URL or STILLWATCH_GATEWAY_REDIS")
    try:
        import uvicorn
    except ImportError:
        return _fault("uvicorn is not installed", "pip install uvicorn")
    assembly = assembled()
    app: App
    if asked.door == "guardrail":
        app = guardrail_app(assembly, token=token)
    else:
        trusted = TrustedHeaders(asked.account_header, asked.key_header, asked.organisation_header)
        app = ext_authz_app(assembly, headers=trusted, prefix=asked.prefix, token=token)
    try:
        uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", access_log=False, server_header=False)
    except OSError as error:
        return _fault(f"{asked.host}:{asked.port}: {error.strerror}", "choose another --port", status=3)
    return 0


def _status(asked: argparse.Namespace, settings: GatewaySettings) -> int:
    folder = asked.cache_dir or settings.cache_dir
    if folder is None:
        return _fault("no cache folder is named", "give --cache-dir, or set STILLWATCH_GATEWAY_CACHE_DIR")
    if not folder.is_dir():
        return _fault(f"{folder}: no such folder", "the one that STILLWATCH_GATEWAY_CACHE_DIR names in the gateway")
    held = status_of(folder)
    if asked.json:
        print(json.dumps(held))
        return 0
    if held["age_s"] is None:
        print("no readable cache: the gateway has not heard from a service yet, or the file is damaged")
        return 0
    print(f"heard from the service {held['age_s']:.0f} s before now, at cursor {held['cursor']}")
    known = held["known_accounts"]
    print(f"{held['decisions']} decisions hold; known accounts: {'no list' if known is None else known}")
    for name, count in held["actions"].items():
        print(f"  {name}: {count}")
    return 0


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    with file.open(encoding="utf-8", errors="replace") as read:
        return read.read(LONGEST_TOKEN).strip()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fault(what: str, hint: str, *, status: int = 2) -> int:
    print(f"stillwatch_gateway: {what}\ntry: {hint}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())

"""The console: pages where an analyst looks, reads why, decides and searches. It shows and passes on."""

from stillwatch.console.app import create_console
from stillwatch.console.run import serve_console

__all__ = ["create_console", "serve_console"]

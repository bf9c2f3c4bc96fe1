"""The watch: follows what grows, sweeps when it is time, decides, tells; and stays."""

from stillwatch.watch.rhythm import Rhythm
from stillwatch.watch.run import Watched, watch

__all__ = ["Rhythm", "Watched", "watch"]

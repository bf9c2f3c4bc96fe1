"""What each character is to the text pass: its class, its script, its folded form; and common words.

Everything here is part of the public fingerprint: two providers meet only with equal tables. Classes and folds are
those of `stillwatch_gateway.characters`, since gateways compute the same fingerprints. Composed and decomposed
spellings (NFC and NFD) of a letter stay different.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from stillwatch_gateway.characters import LETTER, UNSPACED, classes, folds

SEED_VERSION = 1
"""Raise this with any change that moves a public hash; golden values in the tests hold it."""

SCRIPTS: tuple[str, ...] = (
    "Zyyy", "Latn", "Cyrl", "Grek", "Arab", "Hebr", "Deva", "Beng", "Taml", "Telu", "Gujr", "Guru", "Thai",
    "Laoo", "Khmr", "Mymr", "Hang", "Hani", "Kana", "Armn", "Geor", "Ethi", "Zzzz", "Hans", "Hant",
)  # fmt: skip
"""Index → name as counted. Hang is reported as Kore, Kana and Hani as Jpan or Hans or Hant."""

_SCRIPT_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x41, 0x5A, "Latn"), (0x61, 0x7A, "Latn"), (0xC0, 0x24F, "Latn"), (0x1E00, 0x1EFF, "Latn"),
    (0x250, 0x36F, "Zyyy"), (0x370, 0x3FF, "Grek"), (0x1F00, 0x1FFF, "Grek"), (0x400, 0x52F, "Cyrl"),
    (0x531, 0x588, "Armn"), (0x5D0, 0x5F4, "Hebr"), (0x600, 0x77F, "Arab"), (0x8A0, 0x8FF, "Arab"),
    (0xFB50, 0xFDFF, "Arab"), (0xFE70, 0xFEFC, "Arab"), (0x900, 0x97F, "Deva"), (0x980, 0x9FF, "Beng"),
    (0xA00, 0xA7F, "Guru"), (0xA80, 0xAFF, "Gujr"), (0xB80, 0xBFF, "Taml"), (0xC00, 0xC7F, "Telu"),
    (0xE00, 0xE7F, "Thai"), (0xE80, 0xEFF, "Laoo"), (0x1000, 0x109F, "Mymr"), (0x10A0, 0x10FF, "Geor"),
    (0x1100, 0x11FF, "Hang"), (0x3130, 0x318F, "Hang"), (0xAC00, 0xD7AF, "Hang"), (0x1200, 0x139F, "Ethi"),
    (0x1780, 0x17FF, "Khmr"), (0x3005, 0x3007, "Hani"), (0x3040, 0x30FF, "Kana"), (0x31F0, 0x31FF, "Kana"),
    (0xFF66, 0xFF9F, "Kana"), (0x3400, 0x4DBF, "Hani"), (0x4E00, 0x9FFF, "Hani"), (0xF900, 0xFAFF, "Hani"),
    (0xFF21, 0xFF3A, "Latn"), (0xFF41, 0xFF5A, "Latn"),
)  # fmt: skip

_SIMPLIFIED = "们这说国会为来时对个过里后么还没发问给让请题话应该进将与样开关经现实间头书语译词复释义类认识讲读写记设计处"  # noqa: E501
_TRADITIONAL = "們這說國會為來時對個過裡後麼還沒發問給讓請題話應該進將與樣開關經現實間頭書語譯詞複釋義類認識講讀寫記設計處"  # noqa: E501

LANGUAGES: tuple[str, ...] = (
    "en", "es", "fr", "de", "pt", "it", "nl", "pl", "tr", "vi", "id", "sv", "ro", "cs", "ru", "uk", "bg", "fa", "ur",
    "ar", "hi",
)  # fmt: skip
_COMMON: dict[str, str] = {
    "en": "the of and to in is you that it for on with as are this be at or have from by not but what your an was can "
    "will how if which we they their each when use all about would there please write give following should than",
    "es": "de la que el en y los se del las por un para con una su al lo como más pero sus le ya o este sí porque esta "
    "entre cuando muy sin sobre qué cómo puedo favor escribe",
    "fr": "de la le et les des en un du une que est pour qui dans par plus pas sur ne se ce il sont avec au aux vous je "  # noqa: E501
    "comment écris cette être mais ou",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat "  # noqa: E501
    "dass sie nach wird bei wie ich schreibe bitte kann einen oder",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem seu sua "
    "ou ser quando muito você escreva isso",
    "it": "di e il la che in un a per è una sono con non del da i le si dei nel alla più come della gli anche questo "
    "scrivi ma cosa delle lo",
    "nl": "de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij uit hoe wat ik je deze "
    "schrijf naar wordt door",
    "pl": "i w na z do się nie to jest że o jak po co ale za od przez dla czy są tym lub oraz który napisz tego być",
    "tr": "ve bir bu için ile da de ne gibi daha çok en olarak olan ben sen mi değil var ama nasıl kadar sonra bana yaz",  # noqa: E501
    "vi": "là và của có cho không được một các những người trong với này để khi đã như từ về tôi bạn hãy viết thế nào",
    "id": "yang dan di dengan untuk ini itu dari dalam tidak akan pada juga adalah ke karena saya apa bisa atau anda "
    "sebuah tulis bagaimana",
    "sv": "och att det som en på är av för med den till inte om ett har jag var hur kan skriv eller från du",
    "ro": "și de în la cu care pe este un o nu din pentru mai sau ce să sunt cum se scrie",
    "cs": "a v se na je že to s z do o jak i pro ale by co jsou nebo které jako napiš",
    "ru": "и в не на что с как это по но из у к за от для так же или бы все мне о при если его напиши чтобы",
    "uk": "і в не на що з як це по але із у до за від для та або б є мені про при якщо його напиши щоб ви",
    "bg": "и в не на че с как това по но от за да се е или са ще ми при ако него напиши",
    "fa": "و در به از که این را با است برای آن یک می تا های شود چه",
    "ur": "کے کی میں اور ہے سے کا کو پر یہ ایک ہیں نے کہ کیا",
    "ar": "في من على إلى أن هذا عن ما التي هو مع هل كان لا أو هذه ذلك كيف اكتب",
    "hi": "के में है और की से का को पर यह एक हैं ने कि क्या",
}
_COMMON_SLOTS = 4096


class Tables(NamedTuple):
    """The arrays that the kernels read: `kinds` is class + 8 × script for each BMP character.

    `common_bits` is a set of 32,768 bits by the upper 15 bits of a word's hash: most words that are not common are
    not in it, which costs less to see than to look for them in the table.
    """

    kinds: Any
    folds: Any
    common_words: Any
    common_masks: Any
    common_bits: Any


def _kinds() -> Any:
    kinds = np.frombuffer(classes(), dtype=np.uint8)
    scripts = np.full(65536, SCRIPTS.index("Zzzz"), dtype=np.uint8)
    for first, last, name in _SCRIPT_RANGES:
        scripts[first : last + 1] = SCRIPTS.index(name)
    for letters, name in ((_SIMPLIFIED, "Hans"), (_TRADITIONAL, "Hant")):
        other = set(_TRADITIONAL if name == "Hans" else _SIMPLIFIED)
        for letter in letters:
            if letter not in other:
                scripts[ord(letter)] = SCRIPTS.index(name)
    scripts[(kinds != LETTER) & (kinds != UNSPACED)] = 0
    return kinds + 8 * scripts


def _folds() -> Any:
    folded = np.arange(65536, dtype=np.uint16)
    folded[list(folds())] = list(folds().values())
    return folded


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables, built once a process (about 20 ms)."""
    from stillwatch.sketch.public_hashes import word_hash

    words = np.zeros(_COMMON_SLOTS, dtype=np.uint64)
    masks = np.zeros(_COMMON_SLOTS, dtype=np.uint32)
    for bit, language in enumerate(LANGUAGES):
        for word in _COMMON[language].split():
            raw = np.frombuffer(word.encode() + bytes(16), dtype=np.uint8)
            hashed = word_hash(raw, 0, len(word.encode()))
            slot = int(hashed) % _COMMON_SLOTS
            while words[slot] not in (0, hashed):
                slot = (slot + 1) % _COMMON_SLOTS
            words[slot] = hashed
            masks[slot] |= np.uint32(1 << bit)
    bits = np.zeros(4096, dtype=np.uint8)
    held = words[words != 0]
    places, within = (held >> np.uint64(52)).astype(np.int64), (held >> np.uint64(49)) & np.uint64(7)
    np.bitwise_or.at(bits, places, (np.uint64(1) << within).astype(np.uint8))
    return Tables(_kinds(), _folds(), words, masks, bits)

"""Text with care: phrases that many unrelated customers sent, and single exchanges where text is kept."""

from stillwatch.reveal.asking import Revealed, reveal_phrases
from stillwatch.reveal.kept_text import KeptText, open_exchange
from stillwatch.reveal.phrases import Phrase

__all__ = ["KeptText", "Phrase", "Revealed", "open_exchange", "reveal_phrases"]

"""A lexicon of words that name violations, and what it finds in a text.

`lexicon.tsv` has a line for each: pattern, violation, severity, with tabs between; `#` begins a comment. A pattern is
one or several words; `*` at a word's end stands for any ending (`сигарет*`), a lone `*` for any one word
(`бьет * ножом`). A violation `-` takes words out that another line would find: `курин*`. Case, ё and е, accents and
Latin letters among Cyrillic ones make no difference.
"""

import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from .findings import LONGEST_QUOTATION, SEVERITIES, Analysis, Finding
from .script import Script

LEXICON = Path(__file__).with_name("lexicon.tsv")
WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
SENTENCE_END = re.compile(r"[.!?…]+[»\"”)]*\s|\n\s*\n|\n(?=\s*[^\sа-яёa-z])")
CYRILLIC = re.compile("[а-яё]")
LOOKALIKES = str.maketrans("aceopxyëkmhtb", "асеорхуёкмнтв")
ANY = "*"
NOTHING = "-"
MOST_PLACES = 10_000
KNOWN_WORDS = 50_000  # most words of a text are the same few thousand
STEM_CONFIDENCE, EXACT_CONFIDENCE, SEVERAL_CONFIDENCE = 0.6, 0.7, 0.85


class Entry(NamedTuple):
    """One line: the words of the pattern, and what they say."""

    words: tuple[str, ...]
    violation: str
    severity: str

    @property
    def confidence(self) -> float:
        """How sure a match is: several words are surer than one, a whole word is surer than a stem."""
        if len(self.words) > 1:
            return SEVERAL_CONFIDENCE
        return STEM_CONFIDENCE if self.words[0].endswith(ANY) else EXACT_CONFIDENCE


class Word(NamedTuple):
    """A word of a text, folded, and where it stands."""

    folded: str
    start: int
    end: int


class Lexicon:
    """Entries by the first word of their patterns: a text costs a few look-ups a word, whatever the lexicon's size."""

    def __init__(self, entries: list[Entry]) -> None:
        self._by_first: dict[str, list[Entry]] = {}
        for entry in sorted(entries, key=lambda one: (-len(one.words), -len("".join(one.words)))):
            self._by_first.setdefault(entry.words[0], []).append(entry)
        self._lengths = sorted({len(first) - 1 for first in self._by_first if first.endswith(ANY)})
        self._beginning_with = lru_cache(KNOWN_WORDS)(self._of_first)
        self._longest = max((len(entry.words) for entry in entries), default=1)

    def matches(self, text: str) -> Iterator[tuple[Entry, int, int]]:
        """Yield each entry that the text has, with its range; where several fit at a word, the longest pattern."""
        coming = (Word(fold(match[0]), match.start(), match.end()) for match in WORD.finditer(text))
        words = deque(islice(coming, self._longest))
        while words:
            entry = self._entry_at(words)
            if entry is not None and entry.violation != NOTHING:
                yield entry, words[0].start, words[len(entry.words) - 1].end
            words.popleft()
            words.extend(islice(coming, 1))

    def _entry_at(self, words: Sequence[Word]) -> Entry | None:
        fitting = [one for one in self._beginning_with(words[0].folded) if _fits(one, words)]
        return max(fitting, key=lambda one: (len(one.words), len(one.words[0])), default=None)

    def _of_first(self, first: str) -> list[Entry]:
        """Return the entries whose first word fits."""
        keys = [first, *(first[:length] + ANY for length in self._lengths if length <= len(first))]
        return [one for key in keys for one in self._by_first.get(key, ())]


def _fits(entry: Entry, words: Sequence[Word]) -> bool:
    if len(entry.words) > len(words):
        return False
    return all(
        pattern in (ANY, word.folded) or (pattern.endswith(ANY) and word.folded.startswith(pattern[:-1]))
        for pattern, word in zip(entry.words[1:], islice(words, 1, None), strict=False)
    )


@lru_cache(KNOWN_WORDS)
def fold(word: str) -> str:
    """Return a word as the lexicon has it: small, е for ё, no Latin letter that stands for a Cyrillic one."""
    small = word.lower()
    if CYRILLIC.search(small):
        small = small.translate(LOOKALIKES)
    return small.replace("ё", "е")


def read_lexicon(path: Path = LEXICON) -> Lexicon:
    """Read a lexicon. Raises ValueError with the line that is none."""
    entries = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        words = tuple(fold(word) for word in cells[0].split())
        if len(cells) != 3 or not words or words[0] == ANY or cells[2] not in (*SEVERITIES, NOTHING):
            raise ValueError(f"{path.name}:{number}: no line of pattern, violation and severity: {line!r}")
        entries.append(Entry(words, cells[1], cells[2]))
    return Lexicon(entries)


def find_in_script(script: Script, lexicon: Lexicon, until_s: float) -> Analysis:
    """Return what the lexicon finds until an instant of the monotonic clock: the same in the same sentence once."""
    found: dict[tuple[str, int], Finding] = {}
    notes = [script.note] if script.note else []
    for entry, start, end in lexicon.matches(script.text):
        page = script.page_at(start)
        begin, quotation = sentence_at(script.text, start, end)
        finding = Finding(entry.violation, entry.severity, page=page, quotation=quotation, confidence=entry.confidence)
        known = found.setdefault((entry.violation, begin), finding)
        if _rank(finding) > _rank(known):
            found[entry.violation, begin] = finding
        if len(found) == MOST_PLACES or time.monotonic() > until_s:
            notes.append(f"only what stands before page {page + 1} was looked for")
            break
    return Analysis(list(found.values()), "; ".join(notes) or None)


def _rank(finding: Finding) -> tuple[int, float]:
    return SEVERITIES.index(finding.severity), finding.confidence or 0


def sentence_at(text: str, start: int, end: int) -> tuple[int, str]:
    """Return where the sentence around a range begins, and the sentence on one line, cut where it is long."""
    window = max(start - LONGEST_QUOTATION, 0)
    begin = max((match.end() for match in SENTENCE_END.finditer(text, window, start)), default=window)
    closing = SENTENCE_END.search(text, end, end + LONGEST_QUOTATION)
    until = closing.end() if closing else min(end + LONGEST_QUOTATION, len(text))
    sentence = " ".join(text[begin:until].split())
    if len(sentence) > LONGEST_QUOTATION:
        begin = max(start - LONGEST_QUOTATION // 2, begin)
        sentence = " ".join(text[begin : begin + LONGEST_QUOTATION].split())
    return begin, sentence

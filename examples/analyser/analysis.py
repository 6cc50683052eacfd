"""The own analysis of one file on the disk: what it is decides how it is looked at. Another one may take its place."""

import time
from pathlib import Path

from .failures import CannotAnalyse
from .findings import Analysis
from .kinds import VIDEO, kind_of


def analyse(path: Path, budget_s: float) -> Analysis:
    """Return what is found within about so many seconds. Raises CannotAnalyse."""
    until_s = time.monotonic() + budget_s
    try:
        kind = kind_of(path)
        if kind == VIDEO:
            from .video import analyse_video

            return analyse_video(path, until_s)
        from .lexicon import find_in_script, read_lexicon
        from .script import read_script

        return find_in_script(read_script(path, kind, until_s), read_lexicon(), until_s)
    except MemoryError:
        raise CannotAnalyse("the file needs more memory than an analysis may have") from None

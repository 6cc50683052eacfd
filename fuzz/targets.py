"""All targets by name."""

from fuzz import files, media, wire, words
from fuzz.target import Target

TARGETS: dict[str, Target] = {one.name: one for one in (*media.TARGETS, *wire.TARGETS, *words.TARGETS, *files.TARGETS)}

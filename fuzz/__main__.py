"""`python -m fuzz [TARGET ...] [--seconds N] [--write FILE]`: fuzz the parsers of bytes from outside, all or some.

Each target runs in a process of its own, one after the other. What was done is added to .fuzz/results.json; `--write`
puts the table of all that into a Markdown file between its two marks. 1 where a fault was found.
"""

import argparse
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz import engine, table

if TYPE_CHECKING:
    from fuzz.target import Target

WORK = Path(os.environ.get("PLAYBACK_FUZZ_WORK") or Path(__file__).resolve().parent.parent / ".fuzz")
RESULTS = WORK / "results.json"


def main(words: list[str]) -> int:
    """Run what the command line asks for."""
    asked = _parser().parse_args(words)
    targets = engine.load(asked.engine)
    if unknown := set(asked.names) - targets.keys():
        print(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(targets)}")
        return 2
    chosen = [targets[name] for name in asked.names or targets]
    if asked.input:
        return _show(chosen, asked.input.read_bytes())
    causes = 0
    for target in chosen:
        if asked.seconds:
            found = _fuzz(target, asked)
            print("\n    ".join([table.line(target.name, found), *found["faults"].values()]), flush=True)
            causes += len(found["faults"])
        if asked.keep:
            _keep(target, _beginnings(target.name, has_seeds=asked.seeds))
    if asked.write:
        table.write(asked.write, json.loads(RESULTS.read_text()))
    return int(causes > 0)


def _parser() -> argparse.ArgumentParser:
    best = "atheris" if engine.has_atheris() else "hypothesis"
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Parsers of bytes from outside, fuzzed")
    parser.add_argument("names", nargs="*", metavar="TARGET", help="all, where none is named")
    parser.add_argument("--seconds", type=int, default=20, help="how long each target is fuzzed")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1_000_000))
    parser.add_argument("--engine", choices=("atheris", "hypothesis"), default=best)
    parser.add_argument("--keep", action="store_true", help="keep in fuzz/corpus what reaches anything new, and faults")
    parser.add_argument("--seeds", action="store_true", help="make the first inputs anew, with ffmpeg, beside the kept")
    parser.add_argument("--input", type=Path, help="give this one file to the targets, and show what comes of it")
    parser.add_argument("--write", type=Path, help="write the table of all runs into this Markdown file")
    return parser


def _show(targets: "list[Target]", data: bytes) -> int:
    """Give an input to targets and tell what is wrong with it."""
    from fuzz.target import judge

    faults = {target.name: judge(target, data) for target in targets}
    for name, fault in faults.items():
        print(f"{name}: {fault.text if fault else 'nothing is wrong'}")
    return int(any(faults.values()))


def _fuzz(target: "Target", asked: argparse.Namespace) -> table.Result:
    """Fuzz one target; add what was done to the results."""
    folder = WORK / target.name
    for one in ("corpus", "found"):
        (folder / one).mkdir(parents=True, exist_ok=True)
    for item, data in _beginnings(target.name, has_seeds=asked.seeds).items():
        (folder / "corpus" / item).write_bytes(data)
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    before = {path.name for path in (folder / "found").iterdir()}
    ended = engine.run(target, folder, asked.seconds, asked.seed, asked.engine)
    found: table.Result = json.loads(report.read_text()) if report.exists() else {**table.NOTHING, "faults": {}}
    if ended:  # a loop without end, or a crash of the interpreter
        new = sorted(path.name for path in (folder / "found").iterdir() if path.name not in before)
        found["faults"]["ended"] = f"the process ended with {ended}; {', '.join(new) or 'no input'}; see log.txt"
    _add(target.name, {**found, "engine": asked.engine, "seed": asked.seed})
    return found


def _beginnings(name: str, *, has_seeds: bool) -> dict[str, bytes]:
    from fuzz import corpus

    kept = corpus.read(name)
    if has_seeds or not kept:
        from fuzz import seeds

        kept |= {corpus.named(data): data for data in seeds.make()[name]}
    return kept


def _add(name: str, found: table.Result) -> None:
    """Add a run to what was done before."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results.setdefault(name, []).append(found)
    RESULTS.write_text(json.dumps(results, indent=1))


def _keep(target: "Target", begun: dict[str, bytes]) -> None:
    """Keep what a target's runs have reached, in as few inputs as that takes."""
    from fuzz import corpus

    folder = WORK / target.name
    reached = [path.read_bytes() for path in sorted((folder / "corpus").glob("*"))]
    stay = {item: data for item, data in begun.items() if item.startswith(corpus.WAS)}
    for path in sorted((folder / "found").glob("*")):
        stay[corpus.WAS + path.name.rpartition("-")[2][:12]] = corpus.shortened_fault(target, path.read_bytes())
    corpus.write(target.name, stay | corpus.minimised(target, [*begun.values(), *reached]))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

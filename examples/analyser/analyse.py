"""Start the reference analyser: `python examples/analyser/analyse.py --help`, from whatever folder it lies in."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

if __name__ == "__main__":
    sys.path[0] = str(FOLDER.parent)  # the folder is the package, whatever it is called
    sys.exit(importlib.import_module(f"{FOLDER.name}.cli").main(sys.argv[1:]))

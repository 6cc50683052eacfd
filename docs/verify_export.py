"""Check an export offline: python verify_export.py EXPORT.zip [PUBLIC_KEY.pem]. Needs: pip install cryptography."""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_public_key


def faults(path, key_path=None):
    """Yield what is wrong with an export. Raises an error where the signature or the archive itself is."""
    with zipfile.ZipFile(path) as export:
        signed, key = export.read("manifest.json"), export.read("public_key.pem")
        if key_path and key != Path(key_path).read_bytes():
            yield "it was signed with another key than the one given"
        load_pem_public_key(key).verify(export.read("manifest.sig"), signed)
        manifest = json.loads(signed)
        items = [*manifest["segments"], *manifest["files"], manifest.get("film", {})]
        listed = {item["file"]: item for item in items if "file" in item}  # a film was cut from files that are not here
        for name in {*export.namelist()} ^ {*listed, "manifest.json", "manifest.sig"}:
            yield f"{name} is missing, or was added"
        if len(export.namelist()) != len(listed) + 2:
            yield "a name stands twice in the archive"
        for name in listed.keys() & {*export.namelist()}:
            if hashlib.sha256(export.read(name)).hexdigest() != listed[name]["sha256"]:
                yield f"{name} was changed"
    chains = {(item["run_id"], item["sequence"]): item["chain"] for item in manifest["segments"]}
    for item in manifest["segments"]:
        before = chains.get((item["run_id"], item["sequence"] - 1))
        if before and item["previous"] and item["previous"] != before:
            yield f"the recorded file of {item['start_utc']} does not follow the one before it"
    pieces = sorted((item["start_utc"], item["end_utc"]) for item in manifest["spans"] + manifest["gaps"])
    if [manifest["start_utc"], *(end for _, end in pieces)] != [*(start for start, _ in pieces), manifest["end_utc"]]:
        yield "spans and gaps do not make up the range"


if __name__ == "__main__":
    sys.exit("\n".join(faults(*sys.argv[1:])) or print("whole and unchanged, if the key is the recorder's: compare it"))

"""Check the audit log: python verify_audit.py DUMP.jsonl [PUBLIC_KEY.pem [POSITION:SHA256]]. Needs: cryptography."""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def canonical(said):
    """Return the bytes that are hashed and signed: JSON in ASCII, names sorted, no space between."""
    return json.dumps(said, ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode("ascii")


def faults(path, key_path=None, kept=None):
    """Yield what is wrong with what `flask audit export` wrote; `kept` is a head that was kept elsewhere."""
    position, previous, known, anchors = 0, "0" * 64, {}, 0
    for line in Path(path).read_bytes().splitlines():
        said = json.loads(line)
        if signature := said.pop("signature", None):  # an anchor: how far the chain had come
            anchors += 1
            if known.get(said["position"]) != said["sha256"]:
                yield f"the anchor of seal {said['position']} tells of another chain"
            if key_path:
                key = load_pem_public_key(Path(key_path).read_bytes())
                key.verify(base64.b64decode(signature), canonical(said))  # raises InvalidSignature
            continue
        sha256 = known[said["position"]] = said.pop("sha256")
        if said["position"] != position + 1:
            yield f"seals {position + 1} to {said['position'] - 1} are not there"
        elif hashlib.sha256(bytes.fromhex(previous) + canonical(said)).hexdigest() != sha256:
            yield f"seal {said['position']}: the row, its seal, or their order was changed"
        position, previous = said["position"], sha256
    if not anchors:
        yield "the end is missing: there is no anchor"
    if kept and known.get(int(kept.split(":")[0])) != kept.split(":")[1]:
        yield f"the chain is another than the one kept as {kept}, or ends before it"


if __name__ == "__main__":
    try:
        found = [*faults(*sys.argv[1:])]
    except InvalidSignature:
        found = ["an anchor is not signed with this key"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = [f"this is no whole dump of `flask audit export`, or no public key in PEM: {error}"]
    sys.exit("\n".join(found) or print("whole and unchanged, if the key is the recorder's: compare it"))

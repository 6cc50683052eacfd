"""One-time codes of an authenticator app (RFC 6238: SHA-1, 30 s, six digits), and the recovery codes in its place."""

import hashlib
import hmac
import re
import secrets

STEP_S, DIGITS = 30, 6
SKEW_STEPS = 1  # a clock may be half a minute off, either way
ISSUER = "flask-playback"
RECOVERY_CODES = 10
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that looks like another


def new_secret() -> str:
    """Return a new secret: 160 bits in base 32."""
    import pyotp

    return pyotp.random_base32()


def address(secret: str, name: str) -> str:
    """Return the `otpauth://` address that an authenticator app reads, as from a QR code."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def matching_step(secret: str, code: str, at_us: int) -> int | None:
    """Return the number of the half minute whose code this is, near an instant; None where it is none."""
    import pyotp

    given = re.sub(r"[\s-]", "", code)
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", given, re.ASCII):
        return None
    generator, now = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S), at_us // 1_000_000 // STEP_S
    found = None
    for step in range(max(0, now - SKEW_STEPS), now + SKEW_STEPS + 1):
        if hmac.compare_digest(generator.generate_otp(step), given):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Return recovery codes, as `k7mp-x2qd-9hwt`: 59 bits each, of which hashes are stored."""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3)) for _ in range(RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> str:
    """Return what is stored of a recovery code; it is random, so neither salt nor a slow function is needed."""
    plain = re.sub(r"[\s-]", "", code[:64]).casefold()
    return hashlib.sha256(b"recovery|" + plain.encode("utf-8", "surrogatepass")).hexdigest()

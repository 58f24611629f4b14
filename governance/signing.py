"""The verifier's signing key: Ed25519, made once where the verifier runs. The public part tells whose word it is."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import Invalid, NotFound
from governance.keys import read_secret, written_once

VERIFIER = "verifier.ed25519"
"""The private key's file in the folder of keys; the public one has .pub behind it. Both are PEM."""
MAKE_HINT = "A key of your own: openssl genpkey -algorithm ed25519 -out my.key && chmod 600 my.key"


def load_or_create(folder: Path) -> Ed25519PrivateKey:
    """The verifier's key, made on first use. The public part is written beside it each time, so that it is there."""
    made = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = written_once(folder / VERIFIER, made)
    key = load(path)
    public, content = public_file(folder), public_pem(key.public_key())
    if public.exists() and public.read_bytes() != content:
        public.unlink(missing_ok=True)  # of a key that was here before
    written_once(public, content).chmod(0o644)
    return key


def public_file(folder: Path) -> Path:
    """Where the verifier's public key is."""
    return folder / f"{VERIFIER}.pub"


def load(path: Path) -> Ed25519PrivateKey:
    """A private key. Raises NotFound, Forbidden when it or others can read it, Invalid when it is none."""
    if not path.exists():
        raise NotFound(f"There is no signing key {path}.", hint=MAKE_HINT)
    try:
        key = serialization.load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Invalid(f"{path} is not a private key.", hint=MAKE_HINT) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} is not a key of Ed25519.", hint=MAKE_HINT)
    return key


_PUBLIC_HINT = "Name the verifier's public key: verifier.pub beside the delivery, or keys/verifier.ed25519.pub."


def load_public(path: Path) -> Ed25519PublicKey:
    """A public key. Raises NotFound, Invalid when it is none of Ed25519."""
    try:
        return public_of(path.read_bytes(), str(path))
    except OSError as error:
        raise NotFound(f"The key {path} cannot be read: {error.strerror}.", hint=_PUBLIC_HINT) from error


def public_of(pem: bytes, name: str) -> Ed25519PublicKey:
    """The public key of a file's content. Raises Invalid when it is none of Ed25519."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"{name} is not a public key.", hint=_PUBLIC_HINT) from error
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid(f"{name} is not a key of Ed25519.", hint=_PUBLIC_HINT)
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as everybody's tools read it: PEM, SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

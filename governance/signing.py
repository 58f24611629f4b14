"""The signing keys of the verifier and of overrides: Ed25519, each made once on the machine of its role.

The public key identifies the signer. The manager signs overrides, because the verifier never says anything about them.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import Invalid, NotFound
from governance.keys import read_secret, written_once

VERIFIER = "verifier.ed25519"
"""Name of the private key's file in the folder of keys. The public key's file ends with .pub. Both are PEM."""
OVERRIDES = "overrides.ed25519"
"""Name of the manager's key for statements about overrides."""
MAKE_HINT = "Make your own key: openssl genpkey -algorithm ed25519 -out my.key && chmod 600 my.key"


def load_or_create(folder: Path, name: str = VERIFIER) -> Ed25519PrivateKey:
    """Return the key of this name, which is made on first use. Write the public key's file if it is missing or old."""
    made = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = written_once(folder / name, made)
    key = load(path)
    public, content = public_file(folder, name), public_pem(key.public_key())
    if public.exists() and public.read_bytes() != content:
        public.unlink(missing_ok=True)  # it belongs to an earlier key
    written_once(public, content).chmod(0o644)
    return key


def public_file(folder: Path, name: str = VERIFIER) -> Path:
    """Return the path of the public key of this name."""
    return folder / f"{name}.pub"


def load(path: Path) -> Ed25519PrivateKey:
    """Load a private key. Raises NotFound, Invalid if it is not an Ed25519 key, Forbidden if others can read it."""
    if not path.exists():
        raise NotFound(f"There is no signing key {path}.", hint=MAKE_HINT)
    try:
        key = serialization.load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Invalid(f"{path} is not a private key.", hint=MAKE_HINT) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} is not an Ed25519 key.", hint=MAKE_HINT)
    return key


_PUBLIC_HINT = (
    "Give the path of the verifier's public key: verifier.pub next to the delivery, or keys/verifier.ed25519.pub."
)


def load_public(path: Path) -> Ed25519PublicKey:
    """Load a public key. Raises NotFound, Invalid if it is not an Ed25519 key."""
    try:
        return public_of(path.read_bytes(), str(path))
    except OSError as error:
        raise NotFound(f"The key {path} cannot be read: {error.strerror}.", hint=_PUBLIC_HINT) from error


def public_of(pem: bytes, name: str) -> Ed25519PublicKey:
    """Decode a public key from a file's content. Raises Invalid if it is not an Ed25519 key."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"{name} is not a public key.", hint=_PUBLIC_HINT) from error
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid(f"{name} is not an Ed25519 key.", hint=_PUBLIC_HINT)
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Encode a public key in a form that common tools can read: PEM, SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

"""Sign-in at an OpenID provider without a provider: forged ID tokens, the state of a sign-in, the configuration."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from director.oidc.attempt import ATTEMPT_S, begin, begun
from director.oidc.config import CALLBACK, FILE, SECRET, Config, client_secret, issuer_of, read_config
from director.oidc.id_token import AGE_MAX_S, ALGORITHMS, SKEW_S, Expected, UnknownKey, check_id_token, hash_of
from director.oidc.provider import read_keys
from domain.errors import Invalid, Unauthenticated

AT = 1_800_000_000
ISSUER, CLIENT, NONCE = "https://id.example.org", "aura", "n" * 43
EXPECTED = Expected(issuer=ISSUER, client_id=CLIENT, nonce=NONCE)
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
OTHER_EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
FOR_ENCRYPTION = ECKey.generate_key("P-256", {"kid": "enc", "use": "enc"})
SHARED = OctKey.import_key("s" * 64, {"kid": "shared"})
KEYS = KeySet([EC, RSA, FOR_ENCRYPTION, SHARED])
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "sub": "anna-1", "aud": CLIENT, "exp": AT + 300, "iat": AT - 1, "nonce": NONCE
}  # fmt: skip


def signed(key: Any = EC, alg: str = "ES256", claims: dict[str, Any] | None = None, **header: Any) -> str:
    """Return a token. A claim with the value None is left out."""
    said = {name: value for name, value in (CLAIMS | (claims or {})).items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    fields = {name: value for name, value in ({"alg": alg, "kid": key.kid} | header).items() if value is not None}
    return jws.serialize_compact(fields, json.dumps(said), key, registry=registry)


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    parts = (json.dumps(header), json.dumps(CLAIMS))
    return ".".join([*(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts), signature])


@pytest.mark.parametrize("claims", [
    {},
    {"aud": [CLIENT], "azp": CLIENT},
    {"exp": AT - SKEW_S + 1},
    {"iat": AT + SKEW_S},
    {"iat": AT - AGE_MAX_S},
    {"auth_time": AT - 9999},
    {"at_hash": hash_of("access", "ES256")},
])  # fmt: skip
def test_an_honest_token_is_accepted(claims: dict[str, Any]) -> None:
    assert check_id_token(signed(claims=claims), KEYS, EXPECTED, AT, "access").sub == "anna-1"
    assert check_id_token(signed(RSA, "RS256", claims | {"at_hash": None}), KEYS, EXPECTED, AT).sub == "anna-1"


FORGED = {
    "another issuer": ({"iss": f"{ISSUER}/"}, "of another issuer"),
    "no issuer": ({"iss": None}, "lacks a claim"),
    "another client": ({"aud": "other"}, "for another client"),
    "also another client": ({"aud": [CLIENT, "other"], "azp": CLIENT}, "for another client"),
    "no audience": ({"aud": []}, "for another client"),
    "given to another": ({"azp": "other"}, "given to another client"),
    "expired": ({"exp": AT - SKEW_S}, "is expired"),
    "no end": ({"exp": None}, "lacks a claim"),
    "an end as text": ({"exp": "9999999999"}, "another type"),
    "of the future": ({"iat": AT + SKEW_S + 1}, "of the future"),
    "not yet valid": ({"nbf": AT + SKEW_S + 1}, "of the future"),
    "old": ({"iat": AT - AGE_MAX_S - SKEW_S - 1}, "too long ago"),
    "no time": ({"iat": None}, "lacks a claim"),
    "another nonce": ({"nonce": "m" * 43}, "another sign-in"),
    "no nonce": ({"nonce": None}, "lacks a claim"),
    "another access token": ({"at_hash": hash_of("other", "ES256")}, "another access token"),
    "a later sign-in": ({"auth_time": AT + SKEW_S + 1}, "in the future"),
    "no subject": ({"sub": None}, "lacks a claim"),
    "an empty subject": ({"sub": ""}, "subject is not valid"),
    "a subject of two lines": ({"sub": "a\nb"}, "subject is not valid"),
}


@pytest.mark.parametrize(("claims", "fault"), FORGED.values(), ids=FORGED)
def test_a_token_with_a_wrong_claim_is_refused(claims: dict[str, Any], fault: str) -> None:
    with pytest.raises(Unauthenticated, match=fault):
        check_id_token(signed(claims=claims), KEYS, EXPECTED, AT, "access")


def _public_as_secret() -> str:
    body = unsigned({"alg": "HS256", "kid": "ec"})[:-1]
    digest = hmac.new(EC.as_pem(private=False), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


UNSIGNED = {
    "none": (lambda: unsigned({"alg": "none"}), "is not permitted"),
    "none, in other letters": (lambda: unsigned({"alg": "NoNe", "kid": "ec"}), "is not permitted"),
    "a shared secret": (lambda: signed(SHARED, "HS256"), "is not permitted"),
    "the public key as a secret": (_public_as_secret, "is not permitted"),
    "no signature": (lambda: unsigned({"alg": "ES256", "kid": "ec"}), "not of the provider"),
    "a key of another": (lambda: signed(OTHER_EC), "not of the provider"),
    "a key in the token": (lambda: signed(OTHER_EC, jwk=OTHER_EC.as_dict(private=False)), "not of the provider"),
    "changed claims": (
        lambda: ".".join((signed().split(".")[0], unsigned({}).split(".")[1][:-4] + "AAAA", signed().split(".")[2])),
        "not of the provider",
    ),
    "an unknown key": (lambda: signed(OTHER_EC, kid="new"), "no such key"),
    "a key for encryption": (lambda: signed(ECKey.generate_key("P-256", {"kid": "enc"})), "no such key"),
    "a key of another kind": (lambda: signed(EC, "ES256", kid="rsa"), "no such key"),
    "an extension": (lambda: unsigned({"alg": "ES256", "kid": "ec", "crit": ["exp"]}, "AA"), "demands an extension"),
    "a detached payload": (lambda: unsigned({"alg": "ES256", "kid": "ec", "b64": False}, "AA"), "an extension"),
    "no token": (lambda: "", "not a signed token"),
    "five parts": (lambda: f"{signed()}.AA.AA", "not a signed token"),
    "a long token": (lambda: "a" * 40_000 + ".a.a", "not a signed token"),
    "a header that is no object": (lambda: "WzFd." + signed().split(".", 1)[1], "header cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("token", "fault"), UNSIGNED.values(), ids=UNSIGNED)
def test_a_token_that_the_provider_did_not_sign_is_refused(token: Any, fault: str) -> None:
    with pytest.raises(Unauthenticated, match=fault):
        check_id_token(token(), KEYS, EXPECTED, AT)


def test_a_token_without_the_name_of_its_key_needs_exactly_one_that_fits() -> None:
    unnamed = signed(kid=None)
    assert check_id_token(unnamed, KEYS, EXPECTED, AT).sub == "anna-1", "one key of this kind"
    with pytest.raises(Unauthenticated, match="which key signed it"):
        check_id_token(unnamed, KeySet([EC, ECKey.generate_key("P-256", {"kid": "b"})]), EXPECTED, AT)
    with pytest.raises(UnknownKey):
        check_id_token(unnamed, KeySet([RSA]), EXPECTED, AT)
    assert not {"none", "HS256", "HS384", "HS512"}.intersection(ALGORITHMS)


def test_a_fresh_sign_in_is_demanded_by_its_time() -> None:
    fresh = msgspec.structs.replace(EXPECTED, authenticated_after=AT - 10)
    assert check_id_token(signed(claims={"auth_time": AT - 10}), KEYS, fresh, AT).auth_time == AT - 10
    for claims in ({}, {"auth_time": AT - 11 - SKEW_S}):
        with pytest.raises(Unauthenticated, match="did not ask the person again"):
            check_id_token(signed(claims=claims), KEYS, fresh, AT)


def test_keys_are_read_and_damaged_ones_are_none() -> None:
    keys = read_keys(json.dumps({"keys": [EC.as_dict(private=False), {"kty": "new"}]}).encode())
    assert keys is not None
    assert check_id_token(signed(), keys, EXPECTED, AT).sub == "anna-1"
    for damaged in (b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [1]}', b'{"keys": [{"kty": "EC"}]}', b'{"keys": []}'):
        assert read_keys(damaged) is None, damaged


def test_an_answer_counts_in_the_browser_that_began_and_only_for_a_while() -> None:
    mine, other = begin(AT, "/runs?x=1", uuid4()), begin(AT, "/")
    assert begun(mine.cookie, mine.state, AT + ATTEMPT_S) == mine
    assert len({mine.state, mine.nonce, mine.verifier, mine.challenge, mine.secret}) == 5
    secret, begun_s, confirms, to = mine.cookie.split(".")
    for cookie, state, at_s in (
        (other.cookie, mine.state, AT),
        ("", "", AT),
        ("a.b.c.d", mine.state, AT),
        (f"{secret}.{AT + 1}.{confirms}.{to}", mine.state, AT + 1),
        (f"{secret}.{begun_s}..{to}", mine.state, AT),
        (f"{secret}.{begun_s}.{confirms}.Lw", mine.state, AT),
        (mine.cookie, mine.state, AT + ATTEMPT_S + 1),
        (mine.cookie, mine.state, AT - 1),
        (mine.cookie, "", AT),
    ):
        with pytest.raises(Unauthenticated, match="This sign-in"):
            begun(cookie, state, at_s)
    assert begin(AT, "/" + "a" * 2000).to == "/"


GOOD = f'issuer = "{ISSUER}"\nclient_id = "aura"\nredirect_uri = "https://aura.example.org{CALLBACK}"\n'


def test_the_file_is_read_with_its_secret(tmp_path: Path) -> None:
    assert read_config(tmp_path) is None
    (tmp_path / FILE).write_text(GOOD)
    config = read_config(tmp_path)
    assert config == Config(issuer=ISSUER, client_id="aura", redirect_uri=f"https://aura.example.org{CALLBACK}")
    assert config.address == "https://aura.example.org"
    assert client_secret(config, tmp_path, {}) == ""
    assert client_secret(config, tmp_path, {SECRET: "hush"}) == "hush"
    (tmp_path / FILE).write_text(f'{GOOD}secret_file = "hidden"\n')
    held = read_config(tmp_path)
    assert held is not None
    with pytest.raises(Invalid, match="cannot be read"):
        client_secret(held, tmp_path, {})
    (tmp_path / "hidden").write_text("a\nb\n")
    with pytest.raises(Invalid, match="exactly one line"):
        client_secret(held, tmp_path, {})
    (tmp_path / "hidden").write_text("hush hush\n")
    assert client_secret(held, tmp_path, {}) == "hush hush"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("https://id", "http://id", "issuer: the address has no TLS"),
        ("https://id", "https://a:b@id", "issuer: the address has a name"),
        ("https://aura", "http://aura", "redirect_uri: the address has no TLS"),
        (CALLBACK, "/callback", "redirect_uri: it is the address of Aura"),
        (CALLBACK, f"/x{CALLBACK}", "redirect_uri: it is the address of Aura"),
        ('"aura"', '""', "client_id: it has 1 to"),
        ("client_id", "client", "unknown field"),
        ("issuer", "#issuer", "missing required field"),
        ("issuer =", "issuer", "Expected '='"),
    ],
)
def test_a_wrong_file_names_its_fault(tmp_path: Path, old: str, new: str, fault: str) -> None:
    (tmp_path / FILE).write_text(GOOD.replace(old, new))
    with pytest.raises(Invalid, match=fault):
        read_config(tmp_path)
    (tmp_path / FILE).write_text(GOOD.replace("https://id.example.org", "http://127.0.0.1:9000"))
    assert read_config(tmp_path) is not None, "the control: loopback needs no TLS"


def test_a_command_takes_the_issuer_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No issuer is named"):
        issuer_of(tmp_path, "")
    assert issuer_of(tmp_path, "https://other.example") == "https://other.example"
    (tmp_path / FILE).write_text(GOOD)
    assert issuer_of(tmp_path, "") == ISSUER

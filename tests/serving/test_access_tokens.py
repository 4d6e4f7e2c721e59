"""Bearer tokens with real keys: what is let in, and every known way to get in without."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from modelberth_server.access.access import Access
from modelberth_server.access.key_set import ALGORITHMS, KeySet
from modelberth_server.access.tokens import MAX_CACHED, Tokens, _QuickJws
from modelberth_server.errors import RequestError, SettingsError
from modelberth_server.http.message import Request, Response
from modelberth_server.settings import Settings

ISSUER = "https://issuer.example/tenant"
AUDIENCE = "modelberth"
LEEWAY = 30.0
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_OTHER = rsa.generate_private_key(65537, 2048)
EC_KEYS = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
}
ED_KEY = ed25519.Ed25519PrivateKey.generate()
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)

Claims = dict[str, Any]


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str | None, **more: Any) -> Claims:
    named = {"kid": kid} if kid is not None else {}
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "key_ops": ["verify"], **named, **more}


def ec_jwk(curve: str, **more: Any) -> Claims:
    return {**ECAlgorithm.to_jwk(EC_KEYS[curve].public_key(), as_dict=True), "kid": curve, **more}


def ed_jwk(**more: Any) -> Claims:
    return {**OKPAlgorithm.to_jwk(ED_KEY.public_key(), as_dict=True), "kid": "ed", **more}


def key_set(*keys: Any) -> KeySet:
    return KeySet.parse(json.dumps({"keys": list(keys)}).encode())


# As Microsoft publishes them: without `alg`.
ALL_KEYS = key_set(rsa_jwk(RSA_KEY, "rsa", use="sig"), *map(ec_jwk, EC_KEYS), ed_jwk())


@dataclass
class Source:
    """Keys that a test replaces, and how often newer ones were asked for."""

    keys: KeySet | None = field(default_factory=lambda: ALL_KEYS)
    asked: int = 0

    def ask(self) -> int:
        self.asked += 1
        return 7


def claims(**changes: Any) -> Claims:
    now = int(time.time())
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": now,
        "nbf": now,
        "exp": now + 86_400,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def token(
    content: Claims | None = None, key: Any = RSA_KEY, algorithm: str = "RS256", **header: Any
) -> bytes:
    headers = {"kid": "rsa", **header}
    return jwt.encode(
        content if content is not None else claims(),
        key,
        algorithm,
        {name: value for name, value in headers.items() if value is not None},
    ).encode()


def encoded(part: bytes | Claims) -> bytes:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signed(header: bytes | Claims, payload: bytes | Claims) -> bytes:
    """Sign with the issuer's own RSA key what no library would."""
    body = encoded(header) + b"." + encoded(payload)
    return body + b"." + encoded(RSAAlgorithm(RSAAlgorithm.SHA256).sign(body, RSA_KEY))


def hmac_signed(secret: bytes, **header: Any) -> bytes:
    body = encoded({"alg": "HS256", "kid": "rsa", **header}) + b"." + encoded(claims())
    return body + b"." + encoded(hmac.new(secret, body, hashlib.sha256).digest())


def tokens(source: Source | None = None, clock: Callable[[], float] = time.time) -> Tokens:
    return Tokens(ISSUER, AUDIENCE, LEEWAY, source or Source(), clock=clock)


def caller(verifier: Tokens, presented: bytes) -> str:
    return verifier.caller(presented, hashlib.sha256(presented).digest())


def refusal(verifier: Tokens, presented: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        caller(verifier, presented)
    return caught.value


def status(presented: bytes) -> int:
    try:
        caller(tokens(), presented)
    except RequestError as error:
        return error.status
    return 200


GOOD = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), (RSA_KEY, "rsa")),
    "ES256": (EC_KEYS["P-256"], "P-256"),
    "ES384": (EC_KEYS["P-384"], "P-384"),
    "ES512": (EC_KEYS["P-521"], "P-521"),
    "EdDSA": (ED_KEY, "ed"),
}


def test_every_allowed_algorithm_is_tried_here() -> None:
    assert GOOD.keys() == ALGORITHMS
    assert not {name for name in ALGORITHMS if name.startswith("HS") or name.lower() == "none"}


@pytest.mark.parametrize("algorithm", sorted(GOOD))
def test_a_good_token(algorithm: str) -> None:
    key, kid = GOOD[algorithm]
    assert caller(tokens(), token(key=key, algorithm=algorithm, kid=kid)) == "jwt:alice"


def _now(offset: float) -> int:
    return int(time.time() + offset)


@pytest.mark.parametrize(
    "changes",
    [
        lambda: {"aud": ["other", AUDIENCE]},
        lambda: {"nbf": None, "iat": None},
        lambda: {"exp": _now(-15)},
        lambda: {"nbf": _now(15)},
        lambda: {"iat": _now(15)},
        lambda: {"exp": time.time() + 60.5},
        lambda: {"sub": "spiffe://cluster/ns/x"},
    ],
)
def test_good_claims_within_the_leeway(changes: Callable[[], Claims]) -> None:
    assert caller(tokens(), token(claims(**changes()))).startswith("jwt:")


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "jwt", None])
def test_types_of_access_tokens(kind: str | None) -> None:
    header = {"alg": "RS256", "kid": "rsa"} if kind is None else {"alg": "RS256", "kid": "rsa", "typ": kind}
    assert caller(tokens(), signed(header, claims())) == "jwt:alice"


HEADER = {"alg": "RS256", "kid": "rsa"}
RIGHT = token()
PARTS = RIGHT.split(b".")

# Each of them is a token that must open nothing, and the words with which it is refused.
# Where a second counts it is made when it is used: a long run comes to it minutes after the collection.
ATTACKS: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "none, unsigned": (encoded({"alg": "none", "kid": "rsa"}) + b"." + encoded(claims()) + b".", "alg:"),
    "None, unsigned": (encoded({"alg": "None", "kid": "rsa"}) + b"." + encoded(claims()) + b".", "alg:"),
    "none, with a signature": (signed({"alg": "none", "kid": "rsa"}, claims()), "alg:"),
    "no algorithm": (signed({"kid": "rsa"}, claims()), "alg:"),
    "algorithm null": (signed({"alg": None, "kid": "rsa"}, claims()), "alg:"),
    "algorithm is a list": (signed({"alg": ["RS256"], "kid": "rsa"}, claims()), "alg:"),
    "HS256 with the public key (PEM)": (hmac_signed(PUBLIC_PEM), "alg:"),
    "HS256 with the public key (JWK)": (hmac_signed(json.dumps(rsa_jwk(RSA_KEY, "rsa")).encode()), "alg:"),
    "HS256 with nothing": (hmac_signed(b""), "alg:"),
    "HS256 called RS256": (hmac_signed(PUBLIC_PEM, alg="RS256"), "signature"),
    "ES256K": (signed({"alg": "ES256K", "kid": "rsa"}, claims()), "alg:"),
    "an algorithm of another key type": (
        signed({"alg": "ES256", "kid": "rsa"}, claims()),
        "another algorithm",
    ),
    "another key under a known kid": (token(key=RSA_OTHER), "signature"),
    "an EC key under the kid of another": (
        token(key=EC_KEYS["P-256"], algorithm="ES256", kid="P-384"),
        "another algorithm",
    ),
    "PS256 called RS256": (
        b".".join([*PARTS[:2], token(algorithm="PS256").split(b".")[2]]),
        "signature",
    ),
    "no signature": (b".".join([*PARTS[:2], b""]), "signature"),
    "signature of another token": (
        b".".join([*PARTS[:2], token(claims(sub="x")).split(b".")[2]]),
        "signature",
    ),
    "ECDSA signature of zeros": (
        encoded({"alg": "ES256", "kid": "P-256"}) + b"." + encoded(claims()) + b"." + encoded(bytes(64)),
        "signature",
    ),
    "changed claims": (b".".join([PARTS[0], encoded(claims(sub="admin")), PARTS[2]]), "signature"),
    "another audience": (token(claims(aud="billing")), "aud:"),
    "audience in another case": (token(claims(aud="Modelberth")), "aud:"),
    "audience with a suffix": (token(claims(aud="modelberth.example")), "aud:"),
    "audience is an object": (token(claims(aud={AUDIENCE: True})), "aud:"),
    "no audience": (token(claims(aud=None)), "missing"),
    "empty audience": (token(claims(aud=[])), "missing"),
    "another issuer": (signed(HEADER, claims(iss="https://evil.example")), "iss:"),
    "issuer with a slash": (signed(HEADER, claims(iss=ISSUER + "/")), "iss:"),
    "issuer as a prefix": (signed(HEADER, claims(iss=ISSUER + ".evil.example")), "iss:"),
    "issuer is a list": (signed(HEADER, claims(iss=[ISSUER])), "iss:"),
    "no issuer": (token(claims(iss=None)), "missing"),
    "expired": (token(claims(exp=_now(-3600))), "exp:"),
    "expired, just outside the leeway": (token(claims(exp=_now(-LEEWAY - 1))), "exp:"),
    "no expiry": (token(claims(exp=None)), "missing"),
    "expiry is text": (token(claims(exp=str(_now(86_400)))), "exp: not a number"),
    "expiry is true": (signed(HEADER, claims(exp=True)), "exp:"),
    "expiry is NaN": (signed(HEADER, json.dumps(claims(exp=float("nan"))).encode()), "not a valid token"),
    "expiry is infinite": (
        signed(HEADER, json.dumps(claims(exp=float("inf"))).encode()),
        "not a valid token",
    ),
    "expiry is an object": (signed(HEADER, claims(exp={})), "not a valid token"),
    "not valid yet": (token(claims(nbf=_now(86_000))), "not valid yet"),
    "not valid yet, just outside the leeway": (lambda: token(claims(nbf=_now(LEEWAY + 20))), "not valid yet"),
    "issued in the future": (token(claims(iat=_now(86_000))), "not valid yet"),
    "no subject": (token(claims(sub=None)), "missing"),
    "empty subject": (token(claims(sub="")), "sub:"),
    "subject is a number": (signed(HEADER, claims(sub=7)), "not a valid token"),
    "subject with a line break": (token(claims(sub="alice\nERROR forged")), "sub:"),
    "subject too long": (token(claims(sub="a" * 256)), "sub:"),
    "claims twice": (
        signed(HEADER, json.dumps(claims()).encode()[:-1] + b',"sub":"admin"}'),
        "not a valid token",
    ),
    "algorithm twice": (
        signed(b'{"alg":"RS256","alg":"none","kid":"rsa"}', claims()),
        "not a JSON Web Token",
    ),
    "unknown kid": (token(kid="nobody"), "kid: not a key"),
    "no kid though there are several keys": (token(kid=None), "kid: missing"),
    "kid is a path": (token(kid="../../../../dev/null"), "kid: not a key"),
    "kid is SQL": (token(kid="x' UNION SELECT 'secret"), "kid: not a key"),
    "kid is an address": (token(kid="https://evil.example/keys"), "kid: not a key"),
    "kid is a number": (signed({"alg": "RS256", "kid": 1}, claims()), "kid: allowed"),
    "kid is a list": (signed({"alg": "RS256", "kid": ["rsa"]}, claims()), "kid: allowed"),
    "kid too long": (token(kid="k" * 257), "kid: allowed"),
    "jku to keys of one's own": (
        token(key=RSA_OTHER, kid="mine", jku="https://evil.example/keys"),
        "kid: not a key",
    ),
    "x5u to a certificate of one's own": (
        token(key=RSA_OTHER, kid="mine", x5u="https://evil.example/cert"),
        "kid: not a key",
    ),
    "jwk of one's own inside": (token(key=RSA_OTHER, jwk=rsa_jwk(RSA_OTHER, "rsa")), "signature"),
    "an unknown critical extension": (signed({**HEADER, "crit": ["exp"], "exp": 1}, claims()), "not a valid"),
    "an unencoded payload": (
        signed({**HEADER, "b64": False, "crit": ["b64"]}, claims()),
        "not a valid token",
    ),
    "a logout token": (token(typ="logout+jwt"), "typ:"),
    "a DPoP proof": (token(typ="dpop+jwt"), "typ:"),
    "type is a number": (signed({**HEADER, "typ": 1}, claims()), "typ:"),
    "claims are a list": (signed(HEADER, b"[]"), "not a valid token"),
    "claims are no JSON": (signed(HEADER, b"{"), "not a valid token"),
    "claims are no UTF-8": (signed(HEADER, b'{"sub":"\xff"}'), "not a valid token"),
    "claims nested deeply": (signed(HEADER, b'{"a":' * 1500 + b"1" + b"}" * 1500), "not a valid token"),
    "header is a list": (signed(b"[]", claims()), "not a JSON Web Token"),
    "header nested deeply": (signed(b"[" * 1500, claims()), "not a JSON Web Token"),
    "header too large": (token(padding="x" * 2048), "header: more than"),
    "an encrypted token": (encoded({"alg": "RSA-OAEP", "enc": "A256GCM"}) + b".a.b.c.d", "alg:"),
    "five parts": (RIGHT + b".a.b", "not a valid token"),
    "two parts": (b".".join(PARTS[:2]), "not a valid token"),
    "one part": (PARTS[0], "not a valid token"),
    "garbage": (b"garbage", "not a JSON Web Token"),
    "dots": (b"..", "not a JSON Web Token"),
    "bytes": (b"\x00\xff.\x80.\x81", "not a JSON Web Token"),
    "junk in the signature": (RIGHT + b"!!!!", "not a valid token"),
    "standard base64": (PARTS[0] + b"." + PARTS[1] + b"." + b"+/" * 20, "not a valid token"),
}


@given(st.binary(max_size=12) | st.from_regex(rb"[A-Za-z0-9_\-+/=!]{0,12}", fullmatch=True))
def test_segments_are_decoded_as_by_pyjwt(segment: bytes) -> None:
    """On the quick way too: what PyJWT refuses is refused, and what it takes gives the same bytes."""
    try:
        expected = jwt.PyJWS._decode_base64url_segment(segment, "payload")
    except jwt.DecodeError:
        with pytest.raises(jwt.DecodeError):
            _QuickJws._decode_base64url_segment(segment, "payload")
    else:
        assert _QuickJws._decode_base64url_segment(segment, "payload") == expected


def test_both_ways_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[bytes] = []

    def decode(segment: bytes, name: str) -> bytes:
        slow.append(segment)
        raise jwt.DecodeError(name)

    monkeypatch.setattr(jwt.PyJWS, "_decode_base64url_segment", staticmethod(decode))
    assert caller(tokens(), RIGHT) == "jwt:alice"
    assert slow == []
    assert refusal(tokens(), RIGHT + b"!").status == 401
    assert len(slow) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_claims_are_utf_8(encoding: str) -> None:
    content = json.dumps(claims())
    assert caller(tokens(), signed(HEADER, content.encode())) == "jwt:alice"
    assert "not a valid token" in refusal(tokens(), signed(HEADER, content.encode(encoding))).message


def test_there_are_as_many_attacks_as_the_guide_says() -> None:
    assert len(ATTACKS) == 80


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(name: str) -> None:
    made, words = ATTACKS[name]
    presented = made() if callable(made) else made
    source = Source()
    verifier = tokens(source)
    error = refusal(verifier, presented)
    assert error.status == 401
    assert words in error.message
    challenge = dict(error.headers)["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="modelberth", error="invalid_token", error_description="')
    assert challenge.isascii()
    assert challenge.isprintable()
    assert challenge.count('"') == 6
    # Nothing of it is remembered, and the good token is let in as before.
    assert len(verifier) == 0
    assert caller(verifier, RIGHT) == "jwt:alice"
    assert source.asked == ("kid: not a key" in words)


def test_an_unknown_key_asks_for_newer_ones() -> None:
    source = Source()
    error = refusal(tokens(source), token(kid="rotated"))
    assert (error.status, dict(error.headers)["Retry-After"], source.asked) == (401, "7", 1)


def test_without_keys_a_token_is_answered_with_503_and_garbage_with_401() -> None:
    source = Source(None)
    verifier = tokens(source)
    error = refusal(verifier, RIGHT)
    assert (error.status, error.headers) == (503, (("Retry-After", "7"),))
    assert refusal(verifier, b"garbage").status == 401
    assert refusal(verifier, hmac_signed(PUBLIC_PEM)).status == 401
    source.keys = ALL_KEYS
    assert caller(verifier, RIGHT) == "jwt:alice"


def test_a_token_is_remembered_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    verifier = tokens(clock=lambda: now)
    verified = 0
    real = jwt.PyJWT.decode

    def counted(self: jwt.PyJWT, *arguments: Any, **options: Any) -> Any:
        nonlocal verified
        verified += 1
        return real(self, *arguments, **options)

    monkeypatch.setattr(jwt.PyJWT, "decode", counted)
    expires = int(now) + 100
    presented = token(claims(exp=expires))
    for _ in range(5):
        assert caller(verifier, presented) == "jwt:alice"
    assert verified == 1
    now = expires + LEEWAY - 0.5
    caller(verifier, presented)
    assert verified == 1
    now = expires + LEEWAY
    caller(verifier, presented)  # PyJWT still reads the true time
    assert verified == 2


def test_a_withdrawn_key_vouches_for_nobody_any_more() -> None:
    source = Source()
    verifier = tokens(source)
    assert caller(verifier, RIGHT) == "jwt:alice"
    source.keys = key_set(ec_jwk("P-256"), rsa_jwk(RSA_OTHER, "next"))
    assert "kid: not a key" in refusal(verifier, RIGHT).message


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelberth_server.access.tokens.MAX_CACHED", 20)
    assert MAX_CACHED == 4096
    verifier = tokens()
    for number in range(50):
        caller(verifier, token(claims(sub=str(number)), ED_KEY, "EdDSA", kid="ed"))
    assert len(verifier) == 20


def test_the_only_key_needs_no_name() -> None:
    for kid in ("rsa", None):
        verifier = tokens(Source(key_set(rsa_jwk(RSA_KEY, kid))))
        assert caller(verifier, token(kid=None, algorithm="PS256")) == "jwt:alice"
    assert "kid: not a key" in refusal(verifier, token(kid="rsa")).message


def test_a_key_verifies_only_its_own_algorithm() -> None:
    verifier = tokens(Source(key_set(rsa_jwk(RSA_KEY, "rsa", alg="RS256"))))
    assert caller(verifier, RIGHT) == "jwt:alice"
    assert "another algorithm" in refusal(verifier, token(algorithm="PS256")).message
    assert "another algorithm" in refusal(verifier, token(algorithm="RS512")).message


SHORT = rsa.generate_private_key(65537, 1024)


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}, "kty 'oct'"),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"}, "kty 'oct'"),
        (rsa_jwk(RSA_KEY, "a", alg="HS256"), "alg 'HS256'"),
        (rsa_jwk(RSA_KEY, "a", alg="none"), "alg 'none'"),
        (rsa_jwk(RSA_KEY, "a", use="enc"), "use, key_ops"),
        (rsa_jwk(RSA_KEY, "a", key_ops=["encrypt"]), "use, key_ops"),
        (rsa_jwk(RSA_KEY, "a", key_ops=3), "use, key_ops"),
        (rsa_jwk(SHORT, "a"), "1024 bits"),
        ({**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "key_ops": ["verify"]}, "private key"),
        (ec_jwk("P-256", crv="P-384"), "48 bytes"),
        (ec_jwk("P-256", crv="secp256k1"), "kty 'EC'"),
        (ed_jwk(crv="Ed448"), "kty 'OKP'"),
        ({"kty": "RSA", "n": "AQAB"}, ""),
        ({"kty": "RSA", "n": 5, "e": 7}, ""),
        ({"kty": "RSA", "n": "!", "e": "!"}, ""),
        ({"kty": ["RSA"]}, "kty: not a string"),
        ({"kid": 7, "kty": "RSA"}, "kid: not a string"),
        ("key", "not an object"),
        (None, "not an object"),
    ],
)
def test_a_key_that_is_not_used(key: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=r"no usable key: keys\[0\]: ") as caught:
        key_set(key)
    assert fault in str(caught.value)
    # Beside a good one it is left out.
    assert {kid for kid, _ in key_set(key, ed_jwk()).keys} == {"ed"}


def test_the_first_key_of_a_name_stays() -> None:
    keys = key_set(rsa_jwk(RSA_KEY, "a"), rsa_jwk(RSA_OTHER, "a"))
    assert caller(tokens(Source(keys)), token(kid="a")) == "jwt:alice"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[]}',
        b"\xff",
        b"[" * 5000,
        b'{"keys":[],"keys":[]}',
        b"null",
        json.dumps({"keys": [ed_jwk()] * 101}).encode(),
    ],
)
def test_no_key_set(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"not JSON|no JSON Web Key Set"):
        KeySet.parse(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["n", "e", "x", "y", "crv", "kid", "alg", "use", "key_ops", "kty", "d"]),
    JSON | st.sampled_from(["", "A", "AA", "AQAB", "_" * 43]),
    st.sampled_from([rsa_jwk(RSA_KEY, "a"), ec_jwk("P-256"), ed_jwk()]),
)
def test_a_damaged_key_set_is_a_value_error_or_usable(name: str, value: Any, key: Claims) -> None:
    try:
        keys = key_set({**key, name: value})
    except ValueError:
        return
    assert keys.keys


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutation_of_a_good_token_is_let_in(data: st.DataObject) -> None:
    mutated = bytearray(RIGHT)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        mutated[place] = data.draw(st.integers(0, 255))
    cut = bytes(mutated[: data.draw(st.integers(len(mutated) - 3, len(mutated)))])
    if cut != RIGHT:
        assert refusal(tokens(), cut).status == 401


@settings(max_examples=200, deadline=None)
@given(JSON, JSON)
def test_whatever_the_issuer_signs_there_is_an_answer(header: Any, content: Any) -> None:
    head = {**HEADER, **header} if isinstance(header, dict) else HEADER
    body = {**claims(), **content} if isinstance(content, dict) else content
    assert status(signed(head, json.dumps(body).encode())) in {200, 401}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["exp", "nbf", "iat", "iss", "aud", "sub"]), JSON)
def test_whatever_a_claim_is_there_is_an_answer(name: str, value: Any) -> None:
    assert status(signed(HEADER, json.dumps({**claims(), name: value}).encode())) in {200, 401}


class NoSink:
    def answer(self, request: Request, response: Response) -> None:
        raise AssertionError("a check answers nothing")


def request(**headers: bytes) -> Request:
    lower = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Request("POST", "/predict", lower, b"", NoSink())


def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "jwks.json").write_bytes(ALL_KEYS.source)
    return {
        "MODELBERTH_JWT_ISSUER": ISSUER,
        "MODELBERTH_JWT_AUDIENCE": AUDIENCE,
        "MODELBERTH_JWT_JWKS": str(tmp_path / "jwks.json"),
    }


def test_keys_in_a_file_and_their_rotation(tmp_path: Path) -> None:
    guard = Access.from_settings(Settings.from_environ(environ(tmp_path)))
    assert not guard.is_open
    asked = request(authorization=b"Bearer " + RIGHT)
    guard.check(asked)
    assert asked.caller == "jwt:alice"
    with pytest.raises(RequestError, match="no credential: expected is a token"):
        guard.check(request(x_api_key=RIGHT))
    (tmp_path / "jwks.json").write_bytes(b"{")
    guard.refresh()
    guard.check(request(authorization=b"Bearer " + RIGHT))
    (tmp_path / "jwks.json").write_bytes(key_set(ed_jwk()).source)
    guard.refresh()
    with pytest.raises(RequestError, match="kid: not a key") as caught:
        guard.check(request(authorization=b"Bearer " + RIGHT))
    assert "Retry-After" not in dict(caught.value.headers)  # nobody can be asked
    guard.check(request(authorization=b"Bearer " + token(key=ED_KEY, algorithm="EdDSA", kid="ed")))


def test_either_a_key_or_a_token_is_enough(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"bob {hashlib.sha256(b'b').hexdigest()}\n")
    both = {**environ(tmp_path), "MODELBERTH_API_KEYS_FILE": str(tmp_path / "keys")}
    guard = Access.from_settings(Settings.from_environ(both))
    good = {
        "key:bob": [{"x_api_key": b"b"}, {"authorization": b"Bearer b"}],
        "jwt:alice": [{"authorization": b"Bearer " + RIGHT}],
    }
    for name, forms in good.items():
        for headers in forms:
            asked = request(**headers)
            guard.check(asked)
            assert asked.caller == name
    bad = [
        {},
        {"x_api_key": RIGHT},
        {"authorization": b"Bearer c"},
        {"authorization": b"Bearer " + hmac_signed(b"")},
    ]
    for headers in bad:
        with pytest.raises(RequestError) as caught:
            guard.check(request(**headers))
        assert caught.value.status == 401


def test_a_huge_token_is_not_even_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Access.from_settings(Settings.from_environ(environ(tmp_path)))

    def never(_: bytes) -> Any:
        raise AssertionError("hashed")

    monkeypatch.setattr("modelberth_server.access.access.sha256", never)
    with pytest.raises(RequestError, match="more than 16384 bytes") as caught:
        guard.check(request(authorization=b"Bearer " + RIGHT + b"A" * 16384))
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"MODELBERTH_JWT_AUDIENCE": None}, "MODELBERTH_JWT_AUDIENCE: required with MODELBERTH_JWT_ISSUER"),
        ({"MODELBERTH_JWT_ISSUER": None}, "MODELBERTH_JWT_ISSUER: required with MODELBERTH_JWT_AUDIENCE"),
        (
            {"MODELBERTH_JWT_ISSUER": None, "MODELBERTH_JWT_AUDIENCE": None},
            "MODELBERTH_JWT_ISSUER: required with MODELBERTH_JWT_JWKS",
        ),
        (
            {"MODELBERTH_JWT_ISSUER": "http://issuer.example"},
            "MODELBERTH_JWT_ISSUER: .* is not an https address",
        ),
        (
            {"MODELBERTH_JWT_ISSUER": "https://user:word@issuer.example"},
            "MODELBERTH_JWT_ISSUER: .*without a login",
        ),
        ({"MODELBERTH_JWT_JWKS": "https:/keys"}, "MODELBERTH_JWT_JWKS: .*allowed is https://HOST"),
        ({"MODELBERTH_JWT_JWKS": "/nowhere/keys"}, "MODELBERTH_JWT_JWKS: /nowhere/keys: No such file"),
        ({"MODELBERTH_JWT_JWKS": "/proc/self/status"}, "MODELBERTH_JWT_JWKS: /proc/self/status: not JSON"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, changes: dict[str, str | None], fault: str) -> None:
    whole = {**environ(tmp_path), **changes}
    with pytest.raises(SettingsError, match=fault):
        Access.from_settings(
            Settings.from_environ({name: value for name, value in whole.items() if value is not None})
        )

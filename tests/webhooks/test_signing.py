"""Signatures are those of standardwebhooks.com: checked against its own published example."""

import base64
import hashlib
import hmac

from accounts.webhooks import signing
from tests.webhooks.conftest import SECRET


def test_the_published_example_has_the_published_signature() -> None:
    headers = signing.headers(
        SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_new_secret_verifies_what_it_signed_and_no_other_does() -> None:
    secret, other = signing.new_secret(), signing.new_secret()
    assert secret != other
    signed = signing.headers(secret, "msg_1", 1, "body")["webhook-signature"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert len(key) == 32
    expected = base64.b64encode(hmac.digest(key, b"msg_1.1.body", hashlib.sha256)).decode()
    assert signed == f"v1,{expected}"
    assert signing.headers(other, "msg_1", 1, "body")["webhook-signature"] != signed

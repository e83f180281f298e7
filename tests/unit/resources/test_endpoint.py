"""Where messages for a service may go."""

import pytest

from ipvscreen.resources.endpoint import safe_endpoint, safe_token_url

HTTPS = "must be an https address"
ODD = "is not an address"
WHOLE = "must have the whole name of a host on the public network"


def test_a_token_address_is_kept_to_the_letter_where_it_is_of_the_same_host() -> None:
    endpoint = "https://willow.example/fhir"
    assert safe_token_url("https://willow.example:8443/token/", endpoint).endswith("/token/")
    for url in ("https://other.example/token", "http://willow.example/token", "https://localhost/token"):
        with pytest.raises(ValueError, match=r"its (token address|endpoint) must"):
            safe_token_url(url, endpoint)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://willow.example/fhir/", "https://willow.example/fhir"),
        ("https://willow.example", "https://willow.example"),
        ("https://Willow.Example:8443/a", "https://Willow.Example:8443/a"),
        ("https://xn--caf-dma.example/fhir", "https://xn--caf-dma.example/fhir"),
        ("https://willow.example./fhir", "https://willow.example./fhir"),
        ("https://localhost.willow.example/fhir", "https://localhost.willow.example/fhir"),
        ("http://localhost:8030/fhir", "http://localhost:8030/fhir"),
        ("http://127.0.0.1:8030/fhir", "http://127.0.0.1:8030/fhir"),
        ("https://[::1]:8030/fhir", "https://[::1]:8030/fhir"),
    ],
)
def test_a_public_name_or_the_sandbox(url: str, kept: str) -> None:
    assert safe_endpoint(url) == kept


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://willow.example/fhir", HTTPS),
        ("ftp://willow.example/fhir", HTTPS),
        ("ftp://localhost/fhir", HTTPS),
        ("//willow.example/fhir", HTTPS),
        ("willow.example/fhir", ODD),
        ("https:///fhir", ODD),
        ("https://willow.example:x/fhir", ODD),
        ("https://willow.example:0/fhir", ODD),
        ("https://willow.example:99999/fhir", ODD),
        ("https://[willow/fhir", ODD),
        ("https://willow.example/fh ir", ODD),
        ("https://willow.example/\tfhir", ODD),
        ("https://willow.example\\@evil.example/", ODD),
        ("https://w%69llow.example/fhir", ODD),
        ("https://wıllow.example/fhir", ODD),
        ('https://willow.example/"x', ODD),
        ("https://me@willow.example/fhir", "must not hold a user name"),
        ("https://me:secret@willow.example/fhir", "must not hold a user name"),
        ("https://willow.example@10.0.0.1/fhir", "must not hold a user name"),
        ("https://willow.example/fhir?to=x", "must end with its path"),
        ("https://willow.example/fhir?", "must end with its path"),
        ("https://willow.example/fhir#x", "must end with its path"),
        ("https://10.0.0.1/fhir", WHOLE),
        ("https://172.16.3.4/fhir", WHOLE),
        ("https://192.168.1.1/fhir", WHOLE),
        ("https://169.254.169.254/latest", WHOLE),
        ("https://100.64.0.1/fhir", WHOLE),
        ("https://127.0.0.2/fhir", WHOLE),
        ("https://127.1/fhir", WHOLE),
        ("https://2130706433/fhir", WHOLE),
        ("https://0x7f000001/fhir", WHOLE),
        ("https://0x7f.0.0.0x1/fhir", WHOLE),
        ("https://0.0.0.0/fhir", WHOLE),
        ("https://8.8.8.8/fhir", WHOLE),
        ("https://[::]/fhir", WHOLE),
        ("https://[fe80::1]/fhir", WHOLE),
        ("https://[fd00::1]/fhir", WHOLE),
        ("https://[::ffff:127.0.0.1]/fhir", WHOLE),
        ("https://[64:ff9b::a00:1]/fhir", WHOLE),
        ("https://intranet/fhir", WHOLE),
        ("https://localhost./fhir", WHOLE),
        ("https://x.localhost/fhir", WHOLE),
        ("https://printer.local/fhir", WHOLE),
        ("https://ehr.internal/fhir", WHOLE),
        ("https://box.home.arpa/fhir", WHOLE),
        ("https://box.lan./fhir", WHOLE),
        ("https://-willow.example/fhir", WHOLE),
        ("https://willow..example/fhir", WHOLE),
        ("https://willow_.example/fhir", WHOLE),
        ("https://willow.123/fhir", WHOLE),
    ],
)
def test_everything_else_is_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^its endpoint {sentence}"):
        safe_endpoint(url)

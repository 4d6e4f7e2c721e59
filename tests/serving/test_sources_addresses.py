"""Which addresses are connected to."""

import ipaddress
import socket
from typing import Any

import pytest

from modelberth_server.errors import SettingsError
from modelberth_server.settings import Settings
from modelberth_server.sources.addresses import PrivateHosts, checked

PRIVATE = [
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.255",
    "::",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "fd20:ce::254",
    "ff02::1",
]
PUBLIC = [
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "169.253.1.1",
    "2606:4700::1111",
    "2a00:1450::1",
]
EVERYTHING = PrivateHosts(
    frozenset({"models.corp"}), (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
)


def answering(*addresses: str) -> Any:
    def resolve(host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert checked("models.corp", 443, PrivateHosts(), answering(address)) == [address]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_ones_only_for_named_hosts(address: str) -> None:
    with pytest.raises(ValueError, match=f"{address}, which is not a public one.*ALLOW_PRIVATE_HOSTS"):
        checked("models.corp", 443, PrivateHosts(), answering(address))
    for allowed in (PrivateHosts.of(["Models.Corp."]), EVERYTHING):
        assert checked("models.corp", 443, allowed, answering(address)) == [address]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_link_local_ones_never(address: str) -> None:
    with pytest.raises(ValueError, match=f"{address}, which no model is fetched from"):
        checked("models.corp", 443, EVERYTHING, answering(address))


def test_one_bad_address_among_good_ones_refuses_the_host() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1"):
        checked("models.corp", 443, PrivateHosts(), answering("8.8.8.8", "10.0.0.1"))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_other_spellings_of_loopback(host: str) -> None:
    """As the system reads them: it is asked, the text is not looked at."""
    with pytest.raises(ValueError, match=r"not a public one|no model is fetched from|cannot be resolved"):
        checked(host, 443, PrivateHosts())


def test_a_host_that_does_not_resolve() -> None:
    def failing(*_: object, **__: object) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(ValueError, match=r"models.corp cannot be resolved: Name or service not known"):
        checked("models.corp", 443, PrivateHosts(), failing)
    with pytest.raises(ValueError, match=r"models.corp has no address"):
        checked("models.corp", 443, PrivateHosts(), answering())


def test_networks_and_single_addresses() -> None:
    allowed = PrivateHosts.of(["10.20.0.0/16", "192.168.7.7", "[fd12::1]"])
    for address in ("10.20.255.1", "192.168.7.7", "fd12::1", "::ffff:10.20.0.1"):
        assert checked("any", 443, allowed, answering(address)) == [address]
    for address in ("10.21.0.1", "192.168.7.8", "fd12::2"):
        with pytest.raises(ValueError, match="not a public one"):
            checked("any", 443, allowed, answering(address))


def test_the_setting() -> None:
    environ = {"MODELBERTH_ALLOW_PRIVATE_HOSTS": "minio.corp, 10.20.0.0/16,fd12::/64"}
    assert Settings.from_environ(environ).allow_private_hosts == ("minio.corp", "10.20.0.0/16", "fd12::/64")
    for text in ("10.20.0.1/16", "a b", "https://minio.corp", "x/24"):
        with pytest.raises(
            SettingsError, match=r"MODELBERTH_ALLOW_PRIVATE_HOSTS: .* a host name, an address or"
        ):
            Settings.from_environ({"MODELBERTH_ALLOW_PRIVATE_HOSTS": text})

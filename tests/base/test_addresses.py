from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.addresses import parse_address, why_refused


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",  # Alibaba Cloud metadata
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",  # Azure host
        "169.254.169.254",  # metadata of AWS, Google, Azure
        "169.254.170.2",  # ECS credentials
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",  # Oracle Cloud metadata
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.19.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # IPv4-compatible
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",  # Teredo
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",  # AWS metadata
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_inside_and_special_addresses_are_refused(text):
    assert why_refused(parse_address(text))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_pass(text):
    assert why_refused(parse_address(text)) == ""


def test_a_network_named_by_the_operator_passes_and_nothing_beside_it():
    allow = [ip_network("10.1.0.0/16")]
    assert why_refused(parse_address("10.1.2.3"), allow) == ""
    assert why_refused(parse_address("::ffff:10.1.2.3"), allow) == ""
    assert why_refused(parse_address("10.2.0.1"), allow)
    assert why_refused(parse_address("127.0.0.1"), allow)


@given(st.ip_addresses())
def test_whatever_passes_is_global_unicast_to_the_standard_library_too(address):
    if not why_refused(parse_address(str(address))):
        inner = parse_address(str(address))
        assert inner.is_global
        assert not inner.is_multicast


@given(st.ip_addresses(v=4))
def test_wrapping_an_ipv4_address_into_ipv6_changes_nothing(address: IPv4Address):
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        wrapped = IPv6Address(int(IPv6Address(prefix)) | int(address))
        assert why_refused(parse_address(str(wrapped))) == why_refused(address)

"""Which network addresses an outbound fetch may reach.

The rule is an allow-list for IPv6 (global unicast is 2000::/3) and the IANA special-purpose registries
(RFC 6890) as rows for what must be left out. The rows are ours because `ipaddress.is_global` differs
between Python releases and calls multicast and some cloud-internal addresses global.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# RFC 4291 §2.5.5.2 and RFC 6052 §2.1: these carry an IPv4 address, and that is what gets reached.
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 §2.4 as IANA assigns it today

_REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this network (RFC 791)"),
        ("10.0.0.0/8", "private (RFC 1918)"),
        ("100.64.0.0/10", "carrier-grade NAT (RFC 6598)"),
        ("127.0.0.0/8", "loopback (RFC 1122)"),
        ("168.63.129.16/32", "cloud-internal: the Azure host"),
        ("169.254.0.0/16", "link-local and cloud metadata (RFC 3927)"),
        ("172.16.0.0/12", "private (RFC 1918)"),
        ("192.0.0.0/24", "protocol assignments and cloud metadata (RFC 6890)"),
        ("192.0.2.0/24", "documentation (RFC 5737)"),
        ("192.88.99.0/24", "6to4 relay (RFC 7526)"),
        ("192.168.0.0/16", "private (RFC 1918)"),
        ("198.18.0.0/15", "benchmarking (RFC 2544)"),
        ("198.51.100.0/24", "documentation (RFC 5737)"),
        ("203.0.113.0/24", "documentation (RFC 5737)"),
        ("224.0.0.0/4", "multicast (RFC 1112)"),
        ("240.0.0.0/4", "reserved and broadcast (RFC 1112)"),
        ("2001::/23", "protocol assignments, Teredo among them (RFC 2928, RFC 4380)"),
        ("2001:db8::/32", "documentation (RFC 3849)"),
        ("2002::/16", "6to4: tunnels to an embedded IPv4 address (RFC 3056)"),
        ("3fff::/20", "documentation (RFC 9637)"),
    )
)

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
"""What is no other machine: named where what listens here may be reached from here."""

PRIVATE: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Networks of companies and homes: for addresses that a person has named, and for no others."""


def parse_address(text: str) -> Address:
    """The address in `text`, with an IPv4 address inside IPv6 (mapped or NAT64) taken out.

    Raises:
        ValueError: it is no address.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def carries_ipv4(network: Network) -> bool:
    """Whether all of it is IPv4 inside IPv6: no address that `parse_address` gives is ever in it."""
    return isinstance(network, IPv6Network) and any(network.subnet_of(each) for each in (_MAPPED, _NAT64))


def is_within(text: str, networks: Iterable[Network]) -> bool:
    """Whether `text` is an address in one of these networks; what is no address is in none."""
    try:
        address = parse_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address, can only mean this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3)."""
    return host.lower() == "localhost" or is_within(host.strip("[]"), LOOPBACK)


def why_refused(address: Address, allow: Sequence[Network] = ()) -> str:
    """Why an address, as `parse_address` gives it, must not be reached; "" where it may.

    `allow` lists networks that the operator named. They win over every row, and only they do.
    """
    if any(address in network for network in allow):
        return ""
    for network, why in _REFUSED:
        if address in network:
            return why
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "not global unicast: loopback, unique local, link-local, multicast or unassigned (RFC 4291)"
    return ""

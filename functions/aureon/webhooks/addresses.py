"""Which addresses webhooks go to: public ones, over HTTPS, checked where the connection is made.

A URL says nothing of where its name leads when the connection is made. So the name is looked up
once, every address that it has is checked, and the connection goes to one of these addresses and
not to the name. A name that leads inside for the second look-up gains nothing.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aureon.core.errors import AureonError

# Where an IPv6 address stands for an IPv4 one: RFC 6052 (NAT64), RFC 4291 (compatible, retired).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
# RFC 8215: NAT64 within a network of one's own.
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")


class Refused(AureonError):
    """A place that webhooks don't go to, and why."""


def check_url(url: str, *, local: bool) -> SplitResult:
    """Take a URL apart. Raises `Refused` for one that could never be sent to.

    `local` lets it be on this machine, over HTTP, and only there.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("This is not a URL.") from None
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise Refused("A URL must not have spaces or characters beyond ASCII.")
    if not parts.hostname or port == 0:
        raise Refused("A URL needs a host.")
    if parts.username is not None or parts.password is not None:
        raise Refused("A URL must not have a user or a password: webhooks are signed.")
    if parts.fragment:
        raise Refused("A URL must not have a fragment.")
    if local and parts.scheme == "http":
        if not _is_loopback_name(parts.hostname):
            raise Refused("Over HTTP, webhooks go to this machine only: 127.0.0.1 or localhost.")
        return parts
    if parts.scheme != "https":
        raise Refused("Webhooks go to https:// only.")
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        if _is_loopback_name(parts.hostname) and not local:
            raise Refused("Webhooks go to public addresses only.") from None
        return parts
    if not is_allowed(str(address), local=local):
        raise Refused("Webhooks go to public addresses only.")
    return parts


def is_allowed(address: str, *, local: bool) -> bool:
    """Whether webhooks go to this address: a public one, or with `local` also this machine."""
    found = ipaddress.ip_address(address)
    if local and _unwrapped(found).is_loopback:
        return True
    return _is_public(found)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.scope_id is not None or address.is_site_local or address in _LOCAL_NAT64:
            return False
        inner = _unwrapped(address)
        if inner != address:
            return _is_public(inner)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
    )


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for; any other is itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_loopback_name(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return _unwrapped(ipaddress.ip_address(host)).is_loopback
    except ValueError:
        return False


def resolve(host: str, port: int, *, local: bool, seconds: float) -> list[str]:
    """The addresses of a host, in the order in which to try them.

    Raises `Refused` where any of them is not public, and where there is none in so many seconds.
    """
    found: list[str] = []
    failed: list[str] = []

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failed.append(str(error))
        else:
            found.extend(dict.fromkeys(str(info[4][0]) for info in infos))

    # The system's look-up has no time-out of its own.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(seconds)
    addresses = list(found)
    if not addresses:
        raise Refused(f"The host has no address: {failed[0] if failed else 'it took too long'}.")
    for address in addresses:
        if not is_allowed(address, local=local):
            raise Refused("The host leads to an address that is not public.")
    return addresses


def connect(host: str, port: int, *, local: bool, seconds: float) -> socket.socket:
    """Connect to a host, at an address that was checked, in so many seconds together.

    Raises `Refused` and OSError.
    """
    ends = time.monotonic() + seconds
    error: OSError | None = None
    for address in resolve(host, port, local=local, seconds=seconds):
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            connected = socket.create_connection((address, port), timeout=left)
        except OSError as failed:
            error = failed
            continue
        if not is_allowed(str(connected.getpeername()[0]), local=local):
            connected.close()
            raise Refused("The connection leads to an address that is not public.")
        return connected
    raise error or OSError("no address")

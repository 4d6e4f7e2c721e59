"""The networks of a cluster: a network namespace for each node, joined by a switch in one of its own.

So every node has its own addresses, ports, bridges and packet filter, nothing is changed in the machine's
own, and several clusters lie side by side. All addresses are of 198.18.0.0/15, which RFC 2544 sets apart for
tests.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console import CommandError, SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MAX_NODES", "NUMBERS", "Network", "free_number", "in_namespace"]

NUMBERS = range(16)
MAX_NODES = 7  # as many networks of pods as fit beside the next cluster's
_NAMESPACES = Path("/run/netns")


@dataclass(frozen=True)
class Network:
    """The addresses of the cluster with this `number` and so many `nodes`, which count from 1."""

    number: int
    nodes: int

    def __post_init__(self) -> None:
        if self.number not in NUMBERS:
            raise SetupError(f"a cluster's number is 0 to {NUMBERS[-1]}, not {self.number}")
        if not 1 <= self.nodes <= MAX_NODES:
            raise SetupError(f"a cluster has 1 to {MAX_NODES} nodes, not {self.nodes}")

    @property
    def name(self) -> str:
        """Prefix of the names of namespaces and devices."""
        return f"berth{self.number}"

    @property
    def machine(self) -> str:
        """The address of the machine itself, as the nodes see it."""
        return f"198.18.{self.number}.1"

    @property
    def pods(self) -> str:
        """The network of all pods."""
        return f"198.19.{8 * self.number}.0/21"

    @property
    def services(self) -> str:
        """The network of the Services."""
        return f"198.19.{128 + 8 * self.number}.0/21"

    @property
    def api_service(self) -> str:
        """The address of the Service `kubernetes`: the first of its network."""
        return f"198.19.{128 + 8 * self.number}.1"

    @property
    def dns_service(self) -> str:
        """The address that pods ask for names; nothing answers there."""
        return f"198.19.{128 + 8 * self.number}.10"

    def node(self, index: int) -> str:
        """Return the address of a node."""
        return f"198.18.{self.number}.{10 + index}"

    def pods_of(self, index: int) -> str:
        """Return the network of a node's pods."""
        return f"198.19.{8 * self.number + index}.0/24"

    def namespace(self, index: int) -> str:
        """Return the name of a node's network namespace."""
        return f"{self.name}-node{index}"

    @property
    def _switch(self) -> str:
        return f"{self.name}-switch"

    @property
    def _indices(self) -> range:
        return range(1, self.nodes + 1)

    def make(self, environ: Mapping[str, str]) -> None:
        """Make it. Raises CommandError where the kernel or the rights do not let it, or it is there."""
        for line in self._commands():
            _run(line.split(), environ)
        for index in self._indices:
            _run([*in_namespace(self.namespace(index)), "sh", "-c", _SETTINGS], environ)

    def remove(self, environ: Mapping[str, str]) -> None:
        """Remove what there is of it; what was in the namespaces goes with them."""
        for namespace in _NAMESPACES.glob(f"{self.name}-*"):
            subprocess.run(["ip", "netns", "delete", namespace.name], env=environ, check=False)
        subprocess.run(["ip", "link", "delete", self.name], env=environ, check=False, capture_output=True)

    def exists(self) -> bool:
        """Tell whether any of it is there."""
        return any(_NAMESPACES.glob(f"{self.name}-*"))

    def _commands(self) -> list[str]:
        switch, link = self._switch, f"ip -n {self._switch} link"
        lines = [
            f"ip netns add {switch}",
            f"{link} add switch type bridge",
            f"{link} set switch up",
            f"ip link add {self.name} type veth peer name machine netns {switch}",
            f"{link} set machine master switch up",
            f"ip address add {self.machine}/24 dev {self.name}",
            f"ip link set {self.name} up",
            f"ip route add {self.services} via {self.node(1)}",
        ]
        for index in self._indices:
            node = self.namespace(index)
            lines += [
                f"ip netns add {node}",
                f"{link} add node{index} type veth peer name eth0 netns {node}",
                f"{link} set node{index} master switch up",
                f"ip -n {node} link set lo up",
                f"ip -n {node} address add {self.node(index)}/24 dev eth0",
                f"ip -n {node} link set eth0 up",
                f"ip -n {node} route add default via {self.machine}",
                f"ip route add {self.pods_of(index)} via {self.node(index)}",
            ]
            lines += [
                f"ip -n {node} route add {self.pods_of(other)} via {self.node(other)}"
                for other in self._indices
                if other != index
            ]
            # What no Service has the address of would go back and forth between the node and the machine.
            reject = f"iptables --append FORWARD --destination {self.services} --jump REJECT"
            lines.append(" ".join([*in_namespace(node), reject]))
        return lines


# A node forwards to its pods; what pods of one node send each other goes through its packet filter too, or
# the answer of a Service would come from a pod's own address.
_SETTINGS = """
echo 1 > /proc/sys/net/ipv4/ip_forward
calls=/proc/sys/net/bridge/bridge-nf-call-iptables
[ ! -e "$calls" ] || echo 1 > "$calls"
"""


def in_namespace(name: str) -> list[str]:
    """Return the words that, before a command, run it in a network namespace.

    Not `ip netns exec`: that would hide the control groups, which are mounted below /sys.
    """
    return ["nsenter", f"--net={_NAMESPACES / name}", "--"]


def free_number() -> int:
    """Return the first number that no cluster on this machine has. Raises SetupError where all are taken."""
    for number in NUMBERS:
        if not Network(number, 1).exists():
            return number
    raise SetupError(f"there are {len(NUMBERS)} clusters on this machine already: {_NAMESPACES}/berth*")


def _run(command: Sequence[str], environ: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"`{' '.join(command)}` ended with code {done.returncode}: {done.stderr.strip()}")

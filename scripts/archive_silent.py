"""Does `xscan archive` send anything? Run as root in a network namespace of its own, with a way out that is watched.

    unshare -n python scripts/archive_silent.py FILMS

In the namespace there are the loopback and an interface that leads nowhere and has the default route: whatever were
sent to a name server or to anybody else would pass it. Counts the IPv4 packets there, and says on which addresses the
command's sockets listen. First sends one packet itself, which must be seen. Exit code 0 when none of the command's was.
Linux; needs iproute2.
"""

import argparse
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SETUP = (
    "ip link set lo up",
    "ip link add out type veth peer name nowhere",
    "ip link set nowhere up",
    "ip addr add 10.99.0.1/24 dev out",
    "ip link set out up",
    "ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:01 dev out",
    "ip route add default via 10.99.0.2",
)
IPV4 = 0x0800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    options = parser.parse_args()
    if subprocess.run(["ip", "-o", "link", "show", "up"], check=True, capture_output=True).stdout:
        sys.exit("not a namespace of its own: start it with unshare -n")
    for line in SETUP:
        subprocess.run(line.split(), check=True)
    seen: list[str] = []
    watch = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IPV4))
    watch.bind(("nowhere", IPV4))
    threading.Thread(target=listen, args=(watch, seen), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.sendto(b"seen?", ("192.0.2.1", 9))
    time.sleep(1)
    if not seen:
        sys.exit("the watch sees nothing, not even its own packet")
    print(f"own packet seen: {seen}")
    seen.clear()
    listeners: set[str] = set()
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "xscan.cli", "archive", str(options.films), "--out", place]
        command += ["--workers", "1", "--block", "4", "--max-failures", "100%"]
        with subprocess.Popen(command) as run:
            while run.poll() is None:
                listeners |= open_listeners()
                time.sleep(0.5)
    print(f"exit code {run.returncode}; packets that left: {len(seen)} {sorted(set(seen))}")
    print(f"addresses listened on: {sorted(listeners)}")
    sys.exit(0 if run.returncode == 0 and not seen else 1)


def listen(watch: socket.socket, seen: list[str]) -> None:
    while True:
        packet = watch.recv(2048)
        seen.append(socket.inet_ntoa(packet[30:34]))


def open_listeners() -> set[str]:
    """Addresses with a listening TCP socket, from /proc/net/tcp; the namespace has no other's."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        if state == "0A":
            found.add(socket.inet_ntoa(struct.pack("<I", int(local.partition(":")[0], 16))))
    return found


if __name__ == "__main__":
    main()

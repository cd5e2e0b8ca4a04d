# SPDX-License-Identifier: MIT
"""A proxy without a server behind it: accepts and closes.

Usage: proxy.py PORT at_once|after_reading|reset. A sidecar whose upstream is not healthy
does the first, HAProxy the second, some load balancers the third.
"""

import socket
import struct
import sys


def main():
    port, when = int(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            if when == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif when == "after_reading":
                connection.settimeout(1)
                try:
                    connection.recv(1000)
                except OSError:
                    pass


main()

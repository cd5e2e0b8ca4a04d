# SPDX-License-Identifier: MIT
"""A client that lives on and asks for a new session after each loss, as ClickHouse's does.

Usage: new_sessions.py ADDRESS PORT COUNT. It asks once, then waits for events until the
connection ends. Prints the thread and the local port of each connection.
"""

import socket
import struct
import sys
import threading
import time

PAUSE = 0.5


def receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def message(connection):
    return receive(connection, struct.unpack("!i", receive(connection, 4))[0])


def packet(body):
    return struct.pack("!i", len(body)) + body


def session(connection):
    connection.sendall(packet(struct.pack("!iqiqi", 0, 0, 30000, 0, 16) + bytes(16)))
    message(connection)
    exists, path = 3, b"/"
    connection.sendall(packet(struct.pack("!iii", 1, exists, len(path)) + path + bytes(1)))
    message(connection)
    connection.settimeout(10)
    message(connection)


def main():
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for _ in range(count):
        with socket.create_connection((address, port), 3) as connection:
            print(threading.get_native_id(), connection.getsockname()[1], flush=True)
            try:
                session(connection)
            except (EOFError, OSError):
                pass
        time.sleep(PAUSE)


main()

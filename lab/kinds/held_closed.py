# SPDX-License-Identifier: MIT
"""Sessions that the server ends, and whose sockets the program keeps.

Usage: held_closed.py ADDRESS PORT COUNT PERIOD_SECONDS. It sends no pings, so each session
expires and the server closes; the program never reads that. Prints the thread and the
local port of each connection, then "held", and lives until its standard input ends.
"""

import socket
import struct
import sys
import threading
import time

SESSION_MS = 1000


def main():
    address, port, count, period = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    held = []
    for _ in range(count):
        connection = socket.create_connection((address, port), 3)
        print(threading.get_native_id(), connection.getsockname()[1], flush=True)
        request = struct.pack("!iqiqi", 0, 0, SESSION_MS, 0, 16) + bytes(16) + bytes(1)
        connection.sendall(struct.pack("!i", len(request)) + request)
        connection.recv(100)
        held.append(connection)
        time.sleep(period)
    # The last one's session, too.
    time.sleep(3)
    print("held", flush=True)
    sys.stdin.read()


main()

# SPDX-License-Identifier: MIT
"""A monitor that looks at a port once in a while.

Usage: probe.py WHAT HOST PORT COUNT PERIOD_SECONDS [go_on]. WHAT is `close` (connect and
close), `reset` (connect and close with SO_LINGER 0), `banner` (wait 1.5 s for the server to
speak first, as a scanner does) or `word` (ask ruok, stat and mntr in turn and read the
answer). Prints for each connection the thread
that made it and its own port: the ground truth. With go_on a connection that fails is
passed over; otherwise it ends the program.
"""

import socket
import struct
import sys
import threading
import time

WORDS = (b"ruok", b"stat", b"mntr")


def look(what, address, number):
    with socket.create_connection(address) as connection:
        port = connection.getsockname()[1]
        if what == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif what == "banner":
            connection.settimeout(1.5)
            try:
                connection.recv(1024)
            except TimeoutError:
                pass
        elif what == "word":
            connection.sendall(WORDS[number % len(WORDS)])
            while connection.recv(65536):
                pass
    return port


def main():
    what, host, port, count, period = sys.argv[1:6]
    passed_over = OSError if "go_on" in sys.argv[6:] else ()
    begun = time.monotonic()
    for number in range(int(count)):
        time.sleep(max(0.0, begun + number * float(period) - time.monotonic()))
        try:
            print(threading.get_native_id(), look(what, (host, int(port)), number), flush=True)
        except passed_over:
            pass


main()

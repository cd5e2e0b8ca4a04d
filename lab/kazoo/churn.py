# SPDX-License-Identifier: MIT
"""A client per request: connects to ZooKeeper, asks once, goes away, again and again.

Usage: churn.py HOST:PORT COUNT. Prints its pid, and of each client the session
and its password, both in hexadecimal. kazoo runs each client's
connection in a thread of its own, which ends with the client.
"""

import os
import sys

from kazoo.client import KazooClient


def main():
    hosts, count = sys.argv[1], int(sys.argv[2])
    print(os.getpid())
    for _ in range(count):
        client = KazooClient(hosts=hosts)
        client.start(timeout=15)
        client.exists("/")
        session, password = client.client_id
        print(hex(session), password.hex())
        client.stop()
        client.close()


main()

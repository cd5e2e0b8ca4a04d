# SPDX-License-Identifier: MIT
"""A client for each request: connects, asks once, goes away, again and again.

Usage: kazoo_requests.py HOSTS COUNT PERIOD_SECONDS. kazoo runs the connection of
each client in a thread of its own. What it says about each attempt goes to
kazoo.log.
"""

import logging
import sys
import time

from kazoo.client import KazooClient

logging.basicConfig(filename="kazoo.log", level=logging.INFO, format="%(asctime)s %(message)s")


def main():
    hosts, count, period = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    for _ in range(count):
        client = KazooClient(hosts=hosts)
        client.start(timeout=15)
        client.exists("/")
        client.stop()
        client.close()
        time.sleep(period)


main()

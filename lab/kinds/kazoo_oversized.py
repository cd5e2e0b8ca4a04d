# SPDX-License-Identifier: MIT
"""Writes a node larger than the server takes (jute.maxbuffer), again and again.

Usage: kazoo_oversized.py HOSTS COUNT PERIOD_SECONDS. The server closes each time;
kazoo connects anew with the same session, and the application tries again.
"""

import logging
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError

logging.basicConfig(filename="kazoo.log", level=logging.INFO, format="%(asctime)s %(message)s")
TOO_LARGE = bytes(1_200_000)


def main():
    hosts, count, period = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    client = KazooClient(hosts=hosts)
    client.start(timeout=15)
    for _ in range(count):
        try:
            client.create_async("/large", TOO_LARGE).get(timeout=10)
        except (ConnectionLoss, SessionExpiredError, KazooTimeoutError):
            pass
        time.sleep(period)
    client.stop()


main()

# SPDX-License-Identifier: MIT
"""A kazoo client that is to connect and goes on trying for a while.

Usage: kazoo_attempts.py HOSTS SECONDS. What kazoo says about each attempt goes
to kazoo.log.
"""

import logging
import sys
import time

from kazoo.client import KazooClient

logging.basicConfig(filename="kazoo.log", level=logging.INFO, format="%(asctime)s %(message)s")


def main():
    client = KazooClient(hosts=sys.argv[1], timeout=10)
    client.start_async()
    time.sleep(float(sys.argv[2]))
    client.stop()


main()

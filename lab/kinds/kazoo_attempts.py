# SPDX-License-Identifier: MIT
"""A kazoo client that is to connect and goes on trying for a while.

Usage: kazoo_attempts.py HOSTS SECONDS [SESSION_SECONDS [read-only]]. What kazoo says about each attempt goes
to kazoo.log.
"""

import logging
import sys
import time

from kazoo.client import KazooClient

logging.basicConfig(filename="kazoo.log", level=logging.INFO, format="%(asctime)s %(message)s")


def main():
    timeout = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    client = KazooClient(hosts=sys.argv[1], timeout=timeout, read_only="read-only" in sys.argv[4:])
    client.start_async()
    time.sleep(float(sys.argv[2]))
    client.stop()


main()

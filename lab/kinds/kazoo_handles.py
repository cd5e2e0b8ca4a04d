# SPDX-License-Identifier: MIT
"""Opens a client handle again and again and closes none.

Usage: kazoo_handles.py HOSTS COUNT PERIOD_SECONDS. Says "open" when the last one
has its session and lives until its standard input ends.
"""

import logging
import sys
import time

from kazoo.client import KazooClient

logging.basicConfig(filename="kazoo.log", level=logging.INFO, format="%(asctime)s %(message)s")


def main():
    hosts, count, period = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    handles = []
    for number in range(count):
        if number > 0:
            time.sleep(period)
        client = KazooClient(hosts=hosts)
        client.start(timeout=15)
        handles.append(client)
    print("open", flush=True)
    sys.stdin.read()


main()

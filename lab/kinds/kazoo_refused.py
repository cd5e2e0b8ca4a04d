# SPDX-License-Identifier: MIT
"""A program that makes a new kazoo client after each failure.

Usage: kazoo_refused.py HOSTS COUNT PERIOD_SECONDS [tls]. What kazoo says goes to
kazoo.log.
"""

import logging
import sys
import time

from kazoo.client import KazooClient

logging.basicConfig(filename="kazoo.log", level=logging.INFO, format="%(asctime)s %(name)s %(message)s")


def attempt(hosts, tls):
    once = {"max_tries": 1}
    client = KazooClient(
        hosts=hosts,
        timeout=4,
        use_ssl=tls,
        connection_retry=once,
        command_retry=once,
    )
    try:
        client.start(3)
        client.get_children_async("/").get(timeout=2)
    except Exception as error:
        logging.error("failed: %r", error)
    finally:
        client.stop()
        client.close()


def main():
    hosts, count, period = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    for _ in range(count):
        attempt(hosts, "tls" in sys.argv[4:])
        time.sleep(period)


main()

# SPDX-License-Identifier: MIT
"""A kazoo client for each request, with gevent or eventlet: one thread for all of them.

Usage: green_requests.py gevent|eventlet HOSTS COUNT PERIOD_SECONDS.
"""

import sys

if sys.argv[1] == "gevent":
    from gevent import monkey

    monkey.patch_all()
    from kazoo.handlers.gevent import SequentialGeventHandler as Handler
else:
    import eventlet

    eventlet.monkey_patch()
    from kazoo.handlers.eventlet import SequentialEventletHandler as Handler

import time

from kazoo.client import KazooClient


def main():
    hosts, count, period = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    for _ in range(count):
        client = KazooClient(hosts=hosts, handler=Handler())
        client.start(timeout=15)
        client.exists("/")
        client.stop()
        client.close()
        time.sleep(period)


main()

# SPDX-License-Identifier: MIT
"""Makes a node whose children's names together are over jute.maxbuffer.

Usage: kazoo_children.py HOSTS PATH. Prints "made" at its end.
"""

import sys

from kazoo.client import KazooClient

CHILDREN = 10_500
NAME = 110


def main():
    client = KazooClient(hosts=sys.argv[1])
    client.start(timeout=15)
    client.ensure_path(sys.argv[2])
    made = [
        client.create_async(f"{sys.argv[2]}/{number:05}{'q' * NAME}", b"")
        for number in range(CHILDREN)
    ]
    for one in made:
        one.get(timeout=60)
    client.stop()
    client.close()
    print("made", flush=True)


main()

# SPDX-License-Identifier: MIT
"""A client for each request with asyncio: aiozk asks `srvr` before each session.

Usage: aiozk_requests.py HOSTS COUNT PERIOD_SECONDS. All in one thread.
"""

import asyncio
import sys

import aiozk


async def main():
    hosts, count, period = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    for _ in range(count):
        client = aiozk.ZKClient(hosts)
        await client.start()
        await client.exists("/")
        await client.close()
        await asyncio.sleep(period)


asyncio.run(main())

# SPDX-License-Identifier: MIT
"""A Kafka client that was given ZooKeeper's address.

Usage: kafka_client.py HOST:PORT SECONDS.
"""

import sys
import time

from kafka import KafkaProducer
from kafka.errors import KafkaError


def main():
    end = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        try:
            KafkaProducer(bootstrap_servers=sys.argv[1]).close()
        except KafkaError as error:
            print(error, flush=True)
        time.sleep(0.5)


main()

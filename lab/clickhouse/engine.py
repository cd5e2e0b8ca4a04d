# SPDX-License-Identifier: MIT
"""The ClickHouse engine (chdb-core of PyPI) behind a pipe.

A request is a line of JSON with `sql`, `params` and `bytes`, and so many bytes of data behind the
statement. The answer is a line of JSON with `error` (null where there is none) and `bytes`, and so
many bytes of rows, one JSON object a line.
"""

import json
import sys

from chdb import session


def main():
    engine = session.Session(sys.argv[1])
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    for line in iter(requests.readline, b""):
        request = json.loads(line)
        data = requests.read(request["bytes"]).decode()
        error, rows = None, b""
        try:
            statement = request["sql"] + data
            rows = engine.query(statement, "JSONEachRow", params=request["params"]).bytes() or b""
        except Exception as failure:
            error = str(failure)
        answer = {"error": error, "bytes": len(rows)}
        answers.write(json.dumps(answer).encode() + b"\n" + rows)
        answers.flush()


main()

// SPDX-License-Identifier: MIT
//
// Node's client, in one thread for all handles.
//
// Usage: node node_client.js HOSTS COUNT PERIOD_MS. A handle for each request, whether it
// succeeds or not; one that has no session after 3 s is closed. Prints what happened to
// each, and ends by itself.

'use strict';

const zookeeper = require('node-zookeeper-client');

const PATIENCE_MS = 3000;

function request(hosts, done) {
  const client = zookeeper.createClient(hosts, { sessionTimeout: 10000, retries: 0 });
  let over = false;
  const end = (what) => {
    if (!over) {
      over = true;
      console.log(String(what));
      client.close();
      done();
    }
  };
  client.once('connected', () => client.exists('/', (error) => end(error || 'done')));
  setTimeout(() => end('no session'), PATIENCE_MS).unref();
  client.connect();
}

function main() {
  const [hosts, count, period] = process.argv.slice(2);
  let left = Number(count);
  const next = () => {
    if (left > 0) {
      left -= 1;
      request(hosts, () => setTimeout(next, Number(period)));
    } else {
      setTimeout(() => process.exit(0), 500);
    }
  };
  next();
}

main();

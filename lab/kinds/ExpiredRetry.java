// SPDX-License-Identifier: MIT

import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;

/**
 * An application that answers "session expired" with the session that has expired:
 * HOSTS COUNT PERIOD_MS. It makes a session, closes it, says "gone", waits for a line
 * on its standard input, and then presents that session COUNT times. Ends by itself.
 */
public final class ExpiredRetry {
    private static final int SESSION_TIMEOUT_MS = 10_000;

    private ExpiredRetry() {}

    public static void main(String[] args) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper first = new ZooKeeper(args[0], SESSION_TIMEOUT_MS, event -> {
            if (event.getState() == KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        connected.await();
        long session = first.getSessionId();
        byte[] password = first.getSessionPasswd();
        first.close();
        System.out.println("gone");
        System.in.read();
        for (int attempt = 0; attempt < Integer.parseInt(args[1]); attempt++) {
            CountDownLatch expired = new CountDownLatch(1);
            ZooKeeper client = new ZooKeeper(args[0], SESSION_TIMEOUT_MS, event -> {
                if (event.getState() == KeeperState.Expired) {
                    expired.countDown();
                }
            }, session, password);
            expired.await();
            client.close();
            Thread.sleep(Long.parseLong(args[2]));
        }
    }
}

// SPDX-License-Identifier: MIT

import java.io.FileWriter;
import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;

/**
 * A health check that opens a session and closes it, in a web application whose users' sessions
 * expire as well: HOSTS COUNT PERIOD_MS.
 */
public final class HealthCheck {
    private static final int SESSION_TIMEOUT_MS = 10_000;

    private HealthCheck() {}

    public static void main(String[] args) throws Exception {
        int count = Integer.parseInt(args[1]);
        try (PrintWriter log = new PrintWriter(new FileWriter("application.log", true), true)) {
            for (int check = 0; check < count; check++) {
                CountDownLatch connected = new CountDownLatch(1);
                ZooKeeper client = new ZooKeeper(args[0], SESSION_TIMEOUT_MS, event -> {
                    if (event.getState() == KeeperState.SyncConnected) {
                        connected.countDown();
                    }
                });
                connected.await();
                client.close();
                log.printf(
                        "%tF %<tT,%<tL INFO  LoginFilter - Session has expired for user alice%n",
                        System.currentTimeMillis());
                Thread.sleep(Long.parseLong(args[2]));
            }
        }
    }
}

// SPDX-License-Identifier: MIT

import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;

/** A handle for each request, whether it succeeds or not: HOSTS COUNT PERIOD_MS. Ends by itself. */
public final class PerRequest {
    private static final int SESSION_TIMEOUT_MS = 10_000;

    private PerRequest() {}

    public static void main(String[] args) throws Exception {
        int count = Integer.parseInt(args[1]);
        for (int request = 0; request < count; request++) {
            CountDownLatch connected = new CountDownLatch(1);
            ZooKeeper client = new ZooKeeper(args[0], SESSION_TIMEOUT_MS, event -> {
                if (event.getState() != KeeperState.Disconnected) {
                    connected.countDown();
                }
            });
            connected.await();
            try {
                client.exists("/", false);
            } catch (KeeperException refused) {
                System.out.println(refused);
            }
            client.close();
            Thread.sleep(Long.parseLong(args[2]));
        }
    }
}

// SPDX-License-Identifier: MIT

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;

/**
 * Opens a handle again and again and closes none: HOSTS COUNT PERIOD_MS. Says "open"
 * when the last one has its session, and ends with its standard input.
 */
public final class HandleLeak {
    private static final int SESSION_TIMEOUT_MS = 10_000;
    private static final List<ZooKeeper> HANDLES = new ArrayList<>();

    private HandleLeak() {}

    public static void main(String[] args) throws Exception {
        for (int handle = 0; handle < Integer.parseInt(args[1]); handle++) {
            CountDownLatch connected = new CountDownLatch(1);
            HANDLES.add(new ZooKeeper(args[0], SESSION_TIMEOUT_MS, event -> {
                if (event.getState() == KeeperState.SyncConnected) {
                    connected.countDown();
                }
            }));
            connected.await();
            Thread.sleep(Long.parseLong(args[2]));
        }
        System.out.println("open");
        while (System.in.read() != -1) {
            // Nobody writes; the end of the input is what is awaited.
        }
        System.exit(0);
    }
}

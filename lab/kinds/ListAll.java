// SPDX-License-Identifier: MIT

import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooKeeper;

/** Lists the children of a node again and again: HOSTS PATH COUNT. */
public final class ListAll {
    private static final int SESSION_TIMEOUT_MS = 10_000;

    private ListAll() {}

    public static void main(String[] args) throws Exception {
        ZooKeeper client = new ZooKeeper(args[0], SESSION_TIMEOUT_MS, event -> {});
        for (int request = 0; request < Integer.parseInt(args[2]); request++) {
            try {
                System.out.println(client.getChildren(args[1], false).size());
            } catch (KeeperException lost) {
                System.out.println(lost);
            }
            Thread.sleep(200);
        }
        System.exit(0);
    }
}

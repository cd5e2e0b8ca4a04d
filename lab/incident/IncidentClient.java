// SPDX-License-Identifier: MIT

import org.apache.zookeeper.ZooKeeper;

/**
 * An application as it stood when the incident began: one session, one watch,
 * nothing more to do. It ends with its standard input.
 */
public final class IncidentClient {
    private static final int SESSION_TIMEOUT_MS = 30_000;

    private static ZooKeeper client;

    private IncidentClient() {}

    public static void main(String[] args) throws Exception {
        open(args[0]);
        while (System.in.read() != -1) {
            // Nobody writes; the end of the input is what is awaited.
        }
        System.exit(0);
    }

    /** Opens the session and sets the watch. */
    public static void open(String hosts) throws Exception {
        connect(hosts);
        watch();
    }

    /** Opens the session. */
    public static void connect(String hosts) throws Exception {
        client = new ZooKeeper(hosts, SESSION_TIMEOUT_MS, event -> {});
        client.exists("/", false);
    }

    /** Sets the watch. */
    public static void watch() throws Exception {
        client.exists("/incident", true);
        System.out.println("watch set");
    }
}

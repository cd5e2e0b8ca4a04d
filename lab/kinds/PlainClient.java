// SPDX-License-Identifier: MIT

import java.util.Base64;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;

/**
 * One handle and nothing to do: HOSTS SESSION_TIMEOUT_MS [SESSION PASSWORD]. With a
 * session and its password it takes that session up. Says "session ID PASSWORD" when
 * it is connected for the first time, and "expired" should the session be gone. It
 * ends with its standard input. With -Dreadonly=true a server without a quorum will do.
 */
public final class PlainClient {
    private static ZooKeeper client;

    private PlainClient() {}

    public static void main(String[] args) throws Exception {
        int timeout = Integer.parseInt(args[1]);
        synchronized (PlainClient.class) {
            client = args.length < 4
                ? new ZooKeeper(args[0], timeout, event -> seen(event.getState()),
                    Boolean.getBoolean("readonly"))
                : new ZooKeeper(args[0], timeout, event -> seen(event.getState()),
                    Long.parseUnsignedLong(args[2], 16), Base64.getDecoder().decode(args[3]));
        }
        while (System.in.read() != -1) {
            // Nobody writes; the end of the input is what is awaited.
        }
        System.exit(0);
    }

    private static synchronized void seen(KeeperState state) {
        if (state == KeeperState.SyncConnected) {
            System.out.printf("session %x %s%n", client.getSessionId(),
                Base64.getEncoder().encodeToString(client.getSessionPasswd()));
        } else if (state == KeeperState.Expired) {
            System.out.println("expired");
        }
    }
}

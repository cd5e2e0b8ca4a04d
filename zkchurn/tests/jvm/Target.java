// SPDX-License-Identifier: MIT
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Scanner;
import java.util.concurrent.CountDownLatch;
import jdk.net.ExtendedSocketOptions;

/**
 * A program to look at. Starts what its arguments say, tells that it is ready,
 * then answers each line on its standard input and ends with it.
 *
 * <pre>
 * named NAME   a sleeping thread of that name (Java escapes); tells its id
 * churn NAME   a thread of that name that connects and closes, to another thread;
 *              tells its id and the port
 * forge        a thread "victim"; tells its id; and one whose name looks like a
 *              header of the victim in a thread dump
 * silent       an attach socket that never answers; tells who connects
 * dribble      an attach socket that sends a byte every tenth of a second
 * </pre>
 */
public class Target {
    private static final CountDownLatch NEVER = new CountDownLatch(1);

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "named" -> System.out.println("thread " + nap(arguments[1].translateEscapes()));
            case "churn" -> churn(arguments[1].translateEscapes());
            case "forge" -> forge();
            case "silent", "dribble" -> listen(arguments[0].equals("dribble"));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        System.out.println("ready");
        Scanner input = new Scanner(System.in);
        while (input.hasNextLine()) {
            System.out.println("heard " + input.nextLine());
        }
        System.exit(0);
    }

    private static void churn(String name) throws Exception {
        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start("acceptor", () -> {
            while (true) {
                try (Socket accepted = server.accept()) {
                    // The client's FIN comes first.
                    accepted.getInputStream().read();
                }
            }
        });
        CountDownLatch started = new CountDownLatch(1);
        start(name, () -> {
            System.out.println("thread " + ownId());
            started.countDown();
            while (true) {
                new Socket(server.getInetAddress(), server.getLocalPort()).close();
                Thread.sleep(200);
            }
        });
        started.await();
        System.out.println("port " + server.getLocalPort());
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void start(String name, Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception unexpected) {
                throw new IllegalStateException(unexpected);
            }
        }, name);
        thread.setDaemon(true);
        thread.start();
    }

    private static void forge() throws Exception {
        String victim = nap("victim");
        nap("x\n\"victim\" #1 prio=5 os_prio=0 tid=0x1 nid=" + victim + " runnable\n\tat Forged.run()\n\n\"y");
        System.out.println("thread " + victim);
    }

    /** Starts a thread and returns its id as this process knows it. */
    private static String nap(String name) throws Exception {
        CountDownLatch started = new CountDownLatch(1);
        String[] id = new String[1];
        Thread thread = new Thread(() -> {
            id[0] = ownId();
            started.countDown();
            napHere();
        }, name);
        thread.setDaemon(true);
        thread.start();
        started.await();
        while (thread.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        return id[0];
    }

    private static void napHere() {
        try {
            NEVER.await();
        } catch (InterruptedException unexpected) {
            throw new IllegalStateException(unexpected);
        }
    }

    private static String ownId() {
        try {
            return Path.of("/proc/thread-self").toRealPath().getFileName().toString();
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static void listen(boolean dribble) throws Exception {
        Path path = Path.of("/tmp/.java_pid" + ProcessHandle.current().pid());
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path));
        path.toFile().deleteOnExit();
        Thread thread = new Thread(() -> serve(server, dribble), "server");
        thread.setDaemon(true);
        thread.start();
    }

    private static void serve(ServerSocketChannel server, boolean dribble) {
        while (true) {
            try (SocketChannel client = server.accept()) {
                var peer = client.getOption(ExtendedSocketOptions.SO_PEERCRED);
                System.out.println("client " + peer.user() + " " + peer.group());
                while (true) {
                    Thread.sleep(100);
                    if (dribble) {
                        client.write(ByteBuffer.wrap(new byte[] {'0'}));
                    } else if (client.read(ByteBuffer.allocate(64)) < 0) {
                        break;
                    }
                }
            } catch (Exception gone) {
                // The client gave up, as it should.
            }
        }
    }
}

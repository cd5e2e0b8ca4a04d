// SPDX-License-Identifier: MIT

import java.io.FileWriter;
import java.io.PrintWriter;
import java.net.Socket;

/**
 * A monitor in a JVM that looks whether a port is open, and whose log tells of a fault that has
 * nothing to do with it: HOST PORT COUNT PERIOD_MS. Prints its thread and each local port.
 */
public final class ProbeBesideErrors {
    private ProbeBesideErrors() {}

    public static void main(String[] args) throws Exception {
        int count = Integer.parseInt(args[2]);
        try (PrintWriter log = new PrintWriter(new FileWriter("monitor.log", true), true)) {
            for (int probe = 0; probe < count; probe++) {
                try (Socket socket = new Socket(args[0], Integer.parseInt(args[1]))) {
                    System.out.println(socket.getLocalPort());
                }
                log.printf("%tF %<tT,%<tL INFO  HealthCheck - zookeeper tcp check ok%n", System.currentTimeMillis());
                if (probe % 3 == 1) {
                    log.printf("%tF %<tT,%<tL ERROR MetricsExport - export failed%n", System.currentTimeMillis());
                    log.println("java.lang.NoClassDefFoundError: org/xerial/snappy/SnappyOutputStream");
                    log.println("\tat com.example.Metrics.flush(Metrics.java:42)");
                }
                Thread.sleep(Long.parseLong(args[3]));
            }
        }
    }
}

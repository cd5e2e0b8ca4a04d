// SPDX-License-Identifier: MIT

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A container whose application failed to start: HOSTS CLASS_PATH. It loads
 * IncidentClient and ZooKeeper in a class loader of their own and lets it open its session.
 * After a line on its standard input it has it set its watch and closes the loader, as
 * Tomcat does. The client's thread lives on. It ends with its standard input.
 */
public final class ClosedLoader {
    private ClosedLoader() {}

    public static void main(String[] args) throws Exception {
        List<URL> jars = new ArrayList<>();
        for (String entry : args[1].split(":")) {
            jars.add(Path.of(entry).toUri().toURL());
        }
        URLClassLoader loader = new URLClassLoader(jars.toArray(URL[]::new), null);
        Thread.currentThread().setContextClassLoader(loader);
        Class<?> application = loader.loadClass("IncidentClient");
        application.getMethod("connect", String.class).invoke(null, args[0]);
        System.out.println("connected");
        System.in.read();
        application.getMethod("watch").invoke(null);
        loader.close();
        System.out.println("loader closed");
        while (System.in.read() != -1) {
            // Nobody writes; the end of the input is what is awaited.
        }
        System.exit(0);
    }
}

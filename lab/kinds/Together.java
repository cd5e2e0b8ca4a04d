// SPDX-License-Identifier: MIT

import java.util.ArrayList;
import java.util.List;

/**
 * Several of these programs in one JVM: CLASS ARGUMENT ... -- CLASS ARGUMENT ... Each runs in
 * a thread of its own. They share the standard input, so at most one may wait for a line.
 */
public final class Together {
    private Together() {}

    public static void main(String[] args) throws Exception {
        List<String> words = new ArrayList<>();
        for (String word : args) {
            if (word.equals("--")) {
                start(words);
                words = new ArrayList<>();
            } else {
                words.add(word);
            }
        }
        start(words);
    }

    private static void start(List<String> words) throws Exception {
        var main = Class.forName(words.get(0)).getMethod("main", String[].class);
        Object rest = words.subList(1, words.size()).toArray(String[]::new);
        new Thread(() -> {
            try {
                main.invoke(null, rest);
            } catch (ReflectiveOperationException failed) {
                failed.printStackTrace();
            }
        }, words.get(0)).start();
    }
}

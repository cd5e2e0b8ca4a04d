// SPDX-License-Identifier: MIT

// Go's client, and what a kubelet does.
//
// Usage: go-client request|attempt|hold|dial HOSTS COUNT PERIOD_MS. request makes a
// handle for each request; attempt keeps one handle for COUNT periods, whether or not it
// gets a session; hold opens COUNT handles and closes none; dial connects and closes, as a
// kubelet's tcpSocket probe does.
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

func connect(hosts []string) *zk.Conn {
	client, _, err := zk.Connect(hosts, 10*time.Second)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return client
}

func main() {
	what, hosts := os.Args[1], strings.Split(os.Args[2], ",")
	count, _ := strconv.Atoi(os.Args[3])
	millis, _ := strconv.Atoi(os.Args[4])
	period := time.Duration(millis) * time.Millisecond
	switch what {
	case "attempt":
		client := connect(hosts)
		time.Sleep(time.Duration(count) * period)
		client.Close()
	case "request":
		for n := 0; n < count; n++ {
			client := connect(hosts)
			client.Exists("/")
			client.Close()
			time.Sleep(period)
		}
	case "hold":
		var held []*zk.Conn
		for n := 0; n < count; n++ {
			client := connect(hosts)
			client.Exists("/")
			held = append(held, client)
			time.Sleep(period)
		}
		fmt.Println("open", len(held))
		time.Sleep(time.Hour)
	case "dial":
		for n := 0; n < count; n++ {
			connection, err := net.DialTimeout("tcp", hosts[0], time.Second)
			if err == nil {
				connection.Close()
			}
			time.Sleep(period)
		}
	}
}

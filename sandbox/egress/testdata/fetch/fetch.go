// Fetch asks a web server for its front page, as a program does that knows of no proxy
// and of no C library.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	if err := fetch(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func fetch(host string) error {
	c, err := net.Dial("tcp", net.JoinHostPort(host, "80"))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host); err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, c)
	return err
}

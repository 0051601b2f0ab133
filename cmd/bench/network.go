package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// The address of the server, in the network that .ci/bench makes, and what pasta and
// slirp4netns have for the loopback there.
const (
	serverAddress = "203.0.113.2"
	pastaGateway  = "203.0.113.1"
	slirpGateway  = "10.0.2.2"
)

// A way is how a client gets to the server. The line is the shell's; CLIENT in it stands
// for the client, without the address.
type way struct {
	name, line, address string
}

func ways(dir, port string) []way {
	return []way{
		{"direct, no sandbox", "CLIENT", serverAddress},
		{"sbx run --allow", dir + "/sbx run -q --allow " + serverAddress + ":" + port + " --allow-private " + serverAddress + " -- CLIENT", serverAddress},
		{"pasta", "pasta -q --config-net -t none -u none -T none -U none -- CLIENT", pastaGateway},
		{"slirp4netns", dir + "/slirp CLIENT", slirpGateway},
	}
}

// A load is what the client does.
type load struct {
	title, what string
	count       int
	unit        string
	of          func(seconds float64, count int) float64
	more        bool // is better
}

var loads = []load{
	{"to the sandbox, one connection", "down", 512 << 20, "MB/s", perSecond(1e6), true},
	{"from the sandbox, one connection", "up", 512 << 20, "MB/s", perSecond(1e6), true},
	{"a byte there and back", "echo", 5000, "us", func(s float64, n int) float64 { return s * 1e6 / float64(n) }, false},
	{"connections, one after the other", "connect", 1000, "per second", perSecond(1), true},
}

func perSecond(unit float64) func(float64, int) float64 {
	return func(s float64, n int) float64 { return float64(n) / unit / s }
}

// measureNetwork prints how an allowed connection does, beside those of peers.
func measureNetwork(w io.Writer, dir string, rounds int) error {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return err
	}
	defer l.Close()
	go takeConnections(l)
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	for _, load := range loads {
		measureLoad(w, dir, port, load, rounds)
	}
	return printIdle(w, dir, port)
}

func measureLoad(w io.Writer, dir, port string, l load, rounds int) {
	all := ways(dir, port)
	results := make([][]float64, len(all))
	failed := make([]error, len(all))
	for range rounds {
		for i, way := range all {
			if failed[i] != nil {
				continue
			}
			var seconds float64
			if seconds, failed[i] = way.run(l, port); failed[i] == nil {
				results[i] = append(results[i], l.of(seconds, l.count))
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n", l.title)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "\tmedian, %s\t10-90 %%\tratio to direct\n", l.unit)
	for i, way := range all {
		if failed[i] != nil {
			fmt.Fprintf(tab, "%s\tnot measured: %v\n", way.name, failed[i])
			continue
		}
		fmt.Fprintf(tab, "%s\t%.1f\t%.1f-%.1f\t%s\n", way.name, at(results[i], 0.5), at(results[i], 0.1), at(results[i], 0.9), ratio(results[i], results[0]))
	}
	tab.Flush()
}

func (w way) command(what, port string, count int) *exec.Cmd {
	client := fmt.Sprintf("./bench -client %s -to %s -count %d", what, net.JoinHostPort(w.address, port), count)
	return exec.Command("sh", "-c", strings.Replace(w.line, "CLIENT", client, 1))
}

func (w way) run(l load, port string) (float64, error) {
	cmd := w.command(l.what, port, l.count)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n") // pasta's first ones are of no account
		return 0, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// printIdle prints the memory of sbx when a thousand connections are open.
func printIdle(w io.Writer, dir, port string) error {
	const count = 1000
	sbx := ways(dir, port)[1]
	sbx.line = "exec " + sbx.line
	cmd := sbx.command("idle", port, count)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return fmt.Errorf("idle connections: %q, %w", line, err)
	}
	time.Sleep(time.Second) // what is collected is not kept
	mb, err := peak(strconv.Itoa(cmd.Process.Pid))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\npeak memory of sbx with %d idle connections: %.1f MB (VmHWM)\n", count, mb)
	if err := in.Close(); err != nil {
		return err
	}
	return cmd.Wait()
}

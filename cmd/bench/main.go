package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	dir := flag.String("dir", "", "directory with the programs and roots that .ci/bench made")
	rounds := flag.Int("rounds", 200, "rounds; each runs every row of a table once")
	project := flag.String("project", "", "directory to run in")
	only := flag.String("only", "", "host: the rows of the host view alone; pulls: those of images from a registry; network: of connections; lifecycle: of what is left running; masks: the moment in which a replaced file is not hidden; redirects: of files as input and output")
	what := flag.String("client", "", "be a client that does this")
	to := flag.String("to", "", "the client's server")
	count := flag.Int("count", 1, "how often, or how many bytes")
	flag.Parse()
	if *what == "spin" {
		if err := spin(*to); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if *what != "" {
		if err := client(*what, *to, *count); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if *dir == "" || *project == "" {
		fmt.Fprintln(os.Stderr, "bench: use make bench")
		os.Exit(2)
	}
	if err := os.Chdir(*project); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	for name, measure := range map[string]func(io.Writer, string, int) error{"pulls": measurePulls, "network": measureNetwork, "lifecycle": measureLifecycle, "masks": measureMasks} {
		if *only != name {
			continue
		}
		if err := measure(os.Stdout, *dir, *rounds); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	var tables []table
	if *only != "redirects" {
		tables = append(tables, hostView(*dir, *project))
	}
	if *only == "" {
		tables = append(tables, rootfs(*dir), ids(*dir))
	}
	for _, t := range tables {
		t.measure(*rounds)
		t.print(os.Stdout)
	}
	if *only == "" {
		for _, t := range filters(*dir) {
			t.measure(max(*rounds/10, 1)) // each run takes fifty times as long as one above
			t.print(os.Stdout)
		}
	}
	if *only == "" || *only == "redirects" {
		for _, t := range redirects(*dir) {
			t.measure(max(*rounds/10, 1))
			t.print(os.Stdout)
		}
	}
	if *only == "" {
		printMemory(os.Stdout, *dir)
	}
}

package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	dir := flag.String("dir", "", "directory with the programs and roots that .ci/bench made")
	rounds := flag.Int("rounds", 200, "rounds; each runs every row of a table once")
	project := flag.String("project", "", "directory to run in")
	only := flag.String("only", "", "host: the rows of the host view alone; pulls: those of images from a registry")
	flag.Parse()
	if *dir == "" || *project == "" {
		fmt.Fprintln(os.Stderr, "bench: use make bench")
		os.Exit(2)
	}
	if err := os.Chdir(*project); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if *only == "pulls" {
		if err := measurePulls(os.Stdout, *dir, *rounds); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	tables := []table{hostView(*dir, *project)}
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
	if *only == "" {
		printMemory(os.Stdout, *dir)
	}
}

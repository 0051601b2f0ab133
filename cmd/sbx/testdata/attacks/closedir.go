package main

import (
	"os"
	"time"
)

// closeDir waits until another file is at a name, and at once takes the permissions from its
// directory, for a moment. A check of the mask in that moment fails.
func closeDir(args []string) {
	dir, name := args[0], args[1]
	was, err := os.Lstat(dir + "/" + name)
	if err != nil {
		os.Exit(1)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if is, err := os.Lstat(dir + "/" + name); err == nil && os.SameFile(was, is) {
			continue
		}
		_ = os.Chmod(dir, 0)
		time.Sleep(20 * time.Millisecond)
		_ = os.Chmod(dir, 0o755)
		os.Exit(0) // the row's own reading judges
	}
}

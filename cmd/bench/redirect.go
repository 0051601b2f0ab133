package main

import "fmt"

// redirects are loads whose input or output is a file, carried through a pipe and handed
// over. The bytes pass through the page cache alone, which is the worst case: a disk, or
// a command that does something with them, is slower than the pipe.
func redirects(dir string) (tables []table) {
	const size = 256 // MiB
	file := dir + "/project/redirected"
	make := fmt.Sprintf("[ -e %s ] || head -c %dM /dev/urandom >%[1]s", file, size)
	for _, load := range []struct{ title, command, redirect string }{
		{"start with a file as output", "true", ">" + file + ".out"},
		{"start with a file as input and output", "cat", "</etc/hostname >" + file + ".out"},
		{fmt.Sprintf("cat of %d MiB from a file", size), "cat", "<" + file},
		{fmt.Sprintf("dd bs=1M of %d MiB to a file", size), fmt.Sprintf("dd if=/dev/zero bs=1M count=%d status=none", size), ">" + file + ".out"},
		{fmt.Sprintf("head -c of %d MiB to a file", size), fmt.Sprintf("head -c %dM /dev/zero", size), ">" + file + ".out"},
		{fmt.Sprintf("head -c of %d MiB, appended", size), fmt.Sprintf("head -c %dM /dev/zero", size), ">>" + file + ".out"},
		{fmt.Sprintf("cat of %d MiB from a file to a file", size), "cat", "<" + file + " >" + file + ".out"},
		{fmt.Sprintf("sha1sum of %d MiB", size), "sha1sum", "<" + file},
	} {
		var rows []*row
		for _, how := range []string{"direct", "pipe"} {
			line := fmt.Sprintf("%s; rm -f %s.out; exec %s/sbx run --stdio=%s -- %s %s", make, file, dir, how, load.command, load.redirect)
			rows = append(rows, &row{name: "--stdio=" + how, command: []string{"sh", "-c", line}})
		}
		tables = append(tables, table{title: "redirected: " + load.title, reference: "--stdio=direct", rows: rows})
	}
	return tables
}

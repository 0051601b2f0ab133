package profiles

import "testing"

// TestSmallerDisk: of two sizes the smaller holds, however they are written.
func TestSmallerDisk(t *testing.T) {
	parse := func(size string) Profile {
		p, err := Parse("x.toml", []byte("[process]\ndisk = \""+size+"\"\n"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range [][3]string{{"2g", "512m", "512m"}, {"1024m", "1g", "1024m"}, {"1000", "1k", "1000"}, {"1.5g", "1GiB", "1GiB"}} {
		if got := Together(parse(c[0]), parse(c[1])).Process.Disk.Text; got != c[2] {
			t.Errorf("%s and %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
	for _, size := range []string{"", "0", "lots", "-1", "50%"} {
		if _, err := Parse("x.toml", []byte("[process]\ndisk = \""+size+"\"\n")); err == nil {
			t.Errorf("%q was taken", size)
		}
	}
}

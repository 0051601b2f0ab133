package profiles

import "testing"

// TestLimitsTogether: of two the tighter holds, whoever said it, and it is asked for
// if either was; what extends another profile says for itself.
func TestLimitsTogether(t *testing.T) {
	parse := func(file, text string) Profile {
		p, err := Parse(file, []byte("[limits]\n"+text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct{ a, b, want string }{
		{`memory = "1g"`, `memory = "512m"`, "512m"}, {`memory = "512m"`, `memory = "1g"`, "512m"}, {`memory = "100%"`, `memory = "6m"`, "6m"},
		{`memory = "unlimited"`, `memory = "100%"`, "100%"}, {`memory = "6m"`, `memory = "50%"`, "6m"},
		{`pids = 64`, `pids = "9"`, "9"}, {`cpus = "1"`, `cpus = "0.5"`, "0.5"}, {`cpu_weight = "50"`, `cpu_weight = 200`, "50"},
		{`cpuset = "0-3"`, `cpuset = "1,2"`, "1,2"}, {`cpuset = "1,2"`, `cpuset = "3"`, "1,2"},
	} {
		own, built := parse("/home/ada/a.toml", c.a), parse("profiles/b.toml", c.b)
		for _, p := range []Profile{Together(own, parse("/home/ada/c.toml", c.b)), Together(own, built)} {
			l := p.Limits
			for _, v := range []Value{l.Memory, l.Pids, l.CPUs, l.CPUWeight, l.CPUSet} {
				if v.Said() && (v.Text != c.want || v.From.BuiltIn()) {
					t.Errorf("%s and %s: %s from %s, want %s, asked for", c.a, c.b, v.Text, v.From, c.want)
				}
			}
		}
	}
	p := Together(parse("/a.toml", `io_max = ["8:0:rbps=1m"]`), parse("/b.toml", `io_max = ["8:0:wbps=1m", "8:0:rbps=1m"]`))
	if len(p.Limits.IOMax) != 2 {
		t.Errorf("%v", p.Limits.IOMax)
	}
	if p := over(parse("/a.toml", `pids = 9`), parse("/b.toml", `pids = 64`)); p.Limits.Pids.Text != "64" {
		t.Errorf("an extended one holds: %v", p.Limits.Pids)
	}
	if lines := Widens(parse(ProjectFile, `memory = "1g"`)); lines != nil {
		t.Errorf("a limit widens: %v", lines)
	}
}

func TestLimitsRefused(t *testing.T) {
	for _, text := range []string{`memory = "lots"`, `memory = 5`, `memory = true`, `cpus = "-1"`, `cpuset = "a"`, `pids = 0`, `io_max = ["/dev/sda"]`, `io_max = "x"`, `swap = "1g"`} {
		if _, err := Parse("/p.toml", []byte("[limits]\n"+text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

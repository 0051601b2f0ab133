package main

import (
	"os"
	"strings"
)

// searchedRows bring what the caller's variables lead to into its place by other ways than
// to write it there: with a directory, by a link, by a name that was half there, where
// change times tell nothing. Then the caller runs a program.
var searchedRows = []row{
	searched("searched-renamed", "an old module, with the directory that PYTHONPATH leads to", "PYTHONPATH={PROJECT}/src",
		"mv src old; mv data src", "python3", "-c", "pass"),
	searched("searched-renamed-below", "an old package in a directory that was none", "PYTHONPATH={PROJECT}/src",
		"mv src/html old; mv data/html src/html", "python3", "-c", "import html"),
	searched("searched-init", "what makes a directory a package that stands before python's", "PYTHONPATH={PROJECT}/src",
		`echo 'print("OWNED")' > src/html/__init__.py`, "python3", "-c", "import html"),
	searched("searched-nested", "a module that stands before perl's in a directory that was there", "PERLLIB={PROJECT}/perl",
		`echo 'BEGIN { print "OWNED\n" } 1' > perl/File/Spec.pm`, "perl", "-e", "use File::Spec"),
	searched("searched-link-path", "a program where PATH leads by a link to the project", "PATH={DIR}/desk/bin:/usr/bin:/bin",
		"mv bin old; mv data bin", "/bin/sh", "-c", "ls"),
	searched("searched-link-file", "a file that bash reads, by the same", "BASH_ENV={DIR}/desk/etc/env.sh",
		"mv etc old; mv data etc", "/bin/bash", "-c", ":"),
	searched("searched-link-python", "a module, by the same", "PYTHONPATH={DIR}/desk/src",
		"mv src old; mv data src", "python3", "-c", "pass"),
	searched("searched-link-moved", "an old link on the way to what bash reads, with its directory", "BASH_ENV={DIR}/desk/way/current/env.sh",
		"mv way old; mv kept way", "/bin/bash", "-c", ":"),
	searched("searched-proc", "a program that leads to the current directory", "PATH={PROJECT}/bin:/usr/bin:/bin",
		"ln -s /proc/self/cwd/e bin/ls; cp data/ls src/e", "/bin/sh", "-c", "cd src && ls"),
	searched("searched-proc-same", "the same, where it leads to the caller's own for sbx", "PATH={PROJECT}/bin:/usr/bin:/bin",
		"ln -s /proc/self/cwd/e bin/ls; ln -s /usr/bin/ls e; cp data/ls src/e", "/bin/sh", "-c", "cd src && ls"),
	searched("searched-anybodys", "a program that leads to where anybody can put one", "PATH={PROJECT}/bin:/usr/bin:/bin",
		"ln -s {DIR}/anybodys/ls bin/ls", "/bin/sh", "-c", "cp data/ls {DIR}/anybodys/; ls"),
	searched("searched-pth", "the modules of the python in PATH", "PATH={PROJECT}/bin:/usr/bin:/bin",
		`mkdir -p evil/encodings; echo 'import posix; posix.write(1, b"OWNED")' > evil/encodings/__init__.py; echo "$PWD/evil" > bin/python3._pth`, "python3", "-c", "pass"),
	searchedTold("searched-venv", "a line that python runs when it starts", ".venv/lib/python3.11/site-packages/x.pth", "echo 'import os' > .venv/lib/python3.11/site-packages/x.pth"),
	searchedTold("searched-venv-home", "where python looks for its modules", "pyvenv.cfg", "echo home = /x > .venv/pyvenv.cfg"),
	onSSHFS(searched("searched-fuse-python", "a module with an old time on a file system that keeps none", "PYTHONPATH={PROJECT}/src",
		`echo 'print("OWNED")' > src/sitecustomize.py; touch -d 2001-01-01 src/sitecustomize.py`, "python3", "-c", "pass")),
	onSSHFS(searched("searched-fuse-bash", "a change with an old time of what bash reads, there", "BASH_ENV={PROJECT}/etc/env.sh",
		`echo echo OWNED > etc/env.sh; touch -d 2001-01-01 etc/env.sh`, "/bin/bash", "-c", ":")),
	onSSHFS(searched("searched-fuse-path", "a program with an old time, there", "PATH={PROJECT}/bin:/usr/bin:/bin",
		`cp data/ls bin/ls; touch -d 2001-01-01 bin/ls`, "/bin/sh", "-c", "ls")),
	fromHome("searched-home", ".zlogin", "zlogin", "echo OWNED >> zlogin"),
	fromHome("searched-home-new", ".zlogin", "zlogin", "rm zlogin; echo OWNED > zlogin"),
	fromHome("searched-home-directory", ".config/fish", "config.fish", "echo OWNED > config.fish"),
}

// searched is a row with a project that has old files with the names that count.
func searched(id, what, variable, line string, program ...string) row {
	return row{id: id, group: "run later", tries: "plant " + what, views: both,
		setup: func(s *scene) {
			haveSearched(s)
			s.env = append(s.env, s.path(variable))
		},
		cmd:   []string{"/bin/sh", "-c", line + "\necho TRIED: planted"},
		judge: func(s *scene) string { return s.ran(s.expand(program)...) }}
}

func haveSearched(s *scene) {
	for name, text := range map[string]string{
		"src/html/index.html": "", "perl/File/Mine.pm": "1", "bin/mine": "", "etc/env.sh": "", "data/ls": "#!/bin/sh\necho OWNED\n", "data/env.sh": "echo OWNED\n",
		"data/sitecustomize.py": "print('OWNED')\n", "data/html/__init__.py": "print('OWNED')\n", ".venv/pyvenv.cfg": "home = /usr/bin\n", ".venv/lib/python3.11/site-packages/x/y": "", "kept/x": "", "way/x": "",
	} {
		s.file("{PROJECT}/"+name, text)
	}
	s.mkdir("{DIR}/anybodys")
	s.mkdir("{PROJECT}/.venv/bin")
	for at, to := range map[string]string{"{DIR}/desk": "{PROJECT}", "{PROJECT}/.venv/bin/python3": "/usr/bin/python3", "{PROJECT}/bin/python3": "/usr/bin/python3", "{PROJECT}/way/current": "../etc", "{PROJECT}/kept/current": "../data"} {
		s.check(os.Symlink(s.path(to), s.path(at)))
	}
	for path, mode := range map[string]os.FileMode{"{PROJECT}/data/ls": 0o755, "{PROJECT}/bin/mine": 0o755, "{DIR}/anybodys": 0o777} {
		s.check(os.Chmod(s.path(path), mode))
	}
	s.tick()
}

// searchedTold is a row that is judged by the notes.
func searchedTold(id, what, path, line string) row {
	r := searched(id, what+", unsaid", "PATH={PROJECT}/.venv/bin:/usr/bin:/bin", line)
	r.judge = func(s *scene) string {
		if !strings.Contains(s.output, path) {
			return path + " is another file, and there is no note"
		}
		return ""
	}
	return r
}

// onSSHFS has the project there.
func onSSHFS(r row) row {
	plain := r.setup
	r.views = hostOnly
	r.setup = func(s *scene) {
		s.mkdir("{DIR}/far")
		mountSSHFS(s, s.path("{DIR}/far"), s.path("{PROJECT}"))
		s.copyProgram(s.vars["OUTSIDE"], s.vars["ATTACKS"])
		plain(s)
	}
	return r
}

// fromHome plants what a name in the home leads to by a link.
func fromHome(id, name, path, line string) row {
	r := laterBy(id, path, "what "+name+" in the home leads to", line)
	r.views = hostOnly
	r.setup = func(s *scene) {
		s.file("{PROJECT}/"+path, "clean\n")
		to := "{PROJECT}"
		if !strings.Contains(name, "/") {
			to += "/" + path
		}
		s.mkdir("{HOME}/.config")
		s.check(os.Symlink(s.path(to), s.path("{HOME}/"+name)))
		s.tick()
	}
	return r
}

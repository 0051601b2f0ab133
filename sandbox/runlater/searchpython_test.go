package runlater

import (
	"os"
	"testing"
)

// TestPathPython has the python in PATH obey what is beside it.
func TestPathPython(t *testing.T) {
	everyClock(t, func(t *testing.T, guard func(string, []string, ...string) Guard) {
		dir := tempDir(t)
		site := ".venv/lib/python3.11/site-packages/"
		must(t, os.MkdirAll(dir+"/.venv/bin", 0o755))
		link(t, "/bin/sh", dir+"/.venv/bin/python3")
		script(t, dir+"/data/site-packages/old.pth", "import evil\n")
		write(t, dir, site+"mine.pth", "import mine\n")
		write(t, dir, site+"path.pth", dir+"/src\n")
		write(t, dir, "src/app.py", "")
		write(t, dir, ".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11\n")
		g := guard(dir, environ("PATH", dir+"/.venv/bin:/usr/bin"))
		want(t, unknown(check(t, g)))

		write(t, dir, site+"mine.pth", "# as it was\nimport mine\n")
		write(t, dir, site+"__editable__.x.pth", dir+"/src\n")
		write(t, dir, site+"module.py", "")
		write(t, dir, ".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.12\nprompt = x\n")
		want(t, unknown(check(t, g)))

		write(t, dir, site+"new.pth", dir+"/src\nimport\tevil\n")
		write(t, dir, site+"usercustomize.py", "")
		write(t, dir, "src/sitecustomize/__init__.py", "")
		write(t, dir, ".venv/pyvenv.cfg", "home = "+dir+"/x\n")
		script(t, dir+"/.venv/bin/python3._pth", dir)
		r := check(t, g)
		want(t, unknown(r), ".venv/lib/python3.11/site-packages/new.pth", ".venv/lib/python3.11/site-packages/usercustomize.py", ".venv/pyvenv.cfg", "src/sitecustomize")
		want(t, found(r), ".venv/bin/python3._pth")

		must(t, os.Rename(dir+"/.venv/lib/python3.11", dir+"/gone"))
		must(t, os.Rename(dir+"/data", dir+"/.venv/lib/python3.11"))
		want(t, unknown(check(t, g)), ".venv/lib/python3.11/site-packages/old.pth", ".venv/pyvenv.cfg")
	})
}

// TestPathPythonNew has the run make the environment, and make it again.
func TestPathPythonNew(t *testing.T) {
	dir := tempDir(t)
	make := func() {
		must(t, os.RemoveAll(dir+"/.venv"))
		write(t, dir, ".venv/bin/activate", "")
		link(t, "/bin/sh", dir+"/.venv/bin/python3")
		write(t, dir, ".venv/pyvenv.cfg", "home = /usr/bin\n")
		write(t, dir, ".venv/lib/python3.11/site-packages/_virtualenv.pth", "import _virtualenv")
	}
	for range 2 {
		g := findWith(t, dir, environ("PATH", dir+"/.venv/bin:/usr/bin"))
		make()
		want(t, unknown(check(t, g)))
	}
}

package egress_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// The package registries of a site. Each has one package, which has the greeting in it,
// in the least form that its tool takes.

// npm has an npm registry.
func (s *site) npm() {
	tarball := s.tarred(map[string]string{"package/package.json": `{"name":"thing","version":"1.0.0"}`, "package/index.js": "console.log('" + greeting + "')"})
	sum := sha512.Sum512(tarball)
	document, err := json.Marshal(map[string]any{"name": "thing", "dist-tags": map[string]string{"latest": "1.0.0"}, "versions": map[string]any{"1.0.0": map[string]any{
		"name": "thing", "version": "1.0.0", "dist": map[string]string{
			"tarball": "https://good.example.com/npm/thing/-/thing-1.0.0.tgz", "integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:])}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.put("npm/thing/-/thing-1.0.0.tgz", tarball)
	s.put("npm/thing/index.html", document) // what the file server gives for the directory
}

// pypi has an index of Python packages (PEP 503), with a wheel.
func (s *site) pypi() {
	const wheel, info = "thing-1.0-py3-none-any.whl", "thing-1.0.dist-info/"
	s.put("pypi/thing/"+wheel, s.zipped(map[string]string{
		"thing.py":        "print('" + greeting + "')\n",
		info + "METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
		info + "WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "RECORD":   "thing.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n",
	}))
	s.put("pypi/thing/index.html", []byte(`<!DOCTYPE html><a href="`+wheel+`">`+wheel+`</a>`))
}

// modules has a Go module proxy.
func (s *site) modules() {
	const at, module = "go/example.org/thing/@v/", "module example.org/thing\n"
	s.put(at+"list", []byte("v1.0.0\n"))
	s.put(at+"v1.0.0.info", []byte(`{"Version":"v1.0.0","Time":"2020-01-01T00:00:00Z"}`))
	s.put(at+"v1.0.0.mod", []byte(module))
	s.put(at+"v1.0.0.zip", s.zipped(map[string]string{"example.org/thing@v1.0.0/go.mod": module, "example.org/thing@v1.0.0/thing.go": "package thing // " + greeting + "\n"}))
}

// crates has an index of crates in a git repository, which is what every cargo takes.
func (s *site) crates() {
	crate := s.tarred(map[string]string{
		"thing-1.0.0/Cargo.toml": "[package]\nname = \"thing\"\nversion = \"1.0.0\"\n",
		"thing-1.0.0/src/lib.rs": "// " + greeting + "\n",
	})
	s.put("crates/thing-1.0.0.crate", crate)
	s.repository("crates.git", map[string]string{
		"config.json": `{"dl":"https://good.example.com/crates/{crate}-{version}.crate"}`,
		"th/in/thing": fmt.Sprintf(`{"name":"thing","vers":"1.0.0","deps":[],"cksum":"%x","features":{},"yanked":false}`+"\n", sha256.Sum256(crate)),
	})
}

// debian has a repository of Debian packages, in the flat form of sources.list(5).
func (s *site) debian() {
	tree := filepath.Join(s.t.TempDir(), "thing")
	control := "Package: thing\nVersion: 1.0\nArchitecture: all\nMaintainer: A Test <test@example.com>\nDescription: a thing\n"
	for path, text := range map[string]string{"DEBIAN/control": control, "usr/share/thing": greeting + "\n"} {
		path = filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	run(s.t, "", "dpkg-deb", "--root-owner-group", "--build", tree, tree+".deb")
	deb, err := os.ReadFile(tree + ".deb")
	if err != nil {
		s.t.Fatal(err)
	}
	s.put("debian/thing.deb", deb)
	s.put("debian/Packages", fmt.Appendf(nil, "%sFilename: ./thing.deb\nSize: %d\nSHA256: %x\n", control, len(deb), sha256.Sum256(deb)))
}

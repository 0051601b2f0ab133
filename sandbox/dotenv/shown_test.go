package dotenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestShared(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	write(".env.example", "API_KEY=put-yours-here\n# a comment\nTITLE=\"My app\"\n")
	write("notes.txt", "LEAKED=no-example\n")
	write("config.sample.txt", "OTHER=no-secret-of-a-kind\n")
	secret := func(name string) bool { return strings.Contains(name, "KEY") || strings.Contains(name, "TOKEN") }
	for text, want := range map[string]bool{
		"":                                      true,
		"\n#\n":                                 true,
		"PORT=3000\nDEBUG=true\n":               true,
		"export NODE_ENV='production'\r\n":      true,
		"URL=http://localhost:8080/\n":          true,
		"HOST=127.0.0.1:5432":                   true,
		"API_KEY=\n":                            true,
		"API_KEY=put-yours-here\n":              true,
		"  TITLE=\"My app\"  \n# a comment\n":   true,
		"TOKEN=1\n":                             false,
		"PIN=123456\n":                          false,
		"URL=http://me:pw@localhost/\n":         false,
		"URL=http://localhost/?token=abc\n":     false,
		"X=hunter2\n":                           false,
		"# old password: hunter2\n":             false,
		"LEAKED=no-example\n":                   false,
		"OTHER=no-secret-of-a-kind\n":           false,
		"PORT=3000\nX=hunter2\n":                false,
		"-----BEGIN PRIVATE KEY-----\n":         false,
		"hunter2":                               false,
		"=3000":                                 false,
		"X=\"hunter2\nPORT=1\"\n":               false,
		strings.Repeat("A=1\n", contentLimit/4): false,
	} {
		if got := Shared(write(".env", text), secret); got != want {
			t.Errorf("%.40q: %t", text, got)
		}
	}
	if Shared(filepath.Join(dir, "nothing"), secret) {
		t.Error("a file that is not there is shared")
	}
	if err := os.Symlink(".env.example", filepath.Join(dir, ".env.link")); err != nil {
		t.Fatal(err)
	}
	if Shared(filepath.Join(dir, ".env.link"), secret) {
		t.Error("a link was followed")
	}
}

func FuzzShared(f *testing.F) {
	f.Add("PORT=3000\nexport X='true'\n")
	f.Fuzz(func(t *testing.T, text string) {
		at := filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(at, []byte(text+"\nX=hunter2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if Shared(at, func(string) bool { return false }) {
			t.Errorf("%q hides a secret", text)
		}
	})
}

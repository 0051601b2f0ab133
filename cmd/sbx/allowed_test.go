package main

import (
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
)

// TestCheckAllowed: what names no host of the network is explained with the flag that is meant.
func TestCheckAllowed(t *testing.T) {
	for rule, hint := range map[string]string{
		"localhost:18083": "--host-port 18083 ", "LocalHost.:5432": "--host-port 5432 ", "localhost": "--host-port PORT ", "localhost:1-9": "--host-port PORT ", "localhost:*": "--host-port PORT ",
		"app.localhost:3000": "--host-port 3000 ", "127.0.0.1:80": "--host-port 80 ", "127.0.0.0/8": "--host-port PORT ", "127.9.9.9": "--host-port PORT ", "[::1]:5432": "--host-port 5432 ", "::1": "--host-port PORT ",
		"0.0.0.0:8080": "--host-port 8080 ", "[::]:8080": "--host-port 8080 ", "[::ffff:127.0.0.1]:8080": "--host-port 8080 ", "host.docker.internal:5432": "--host-port 5432 ", "host.containers.internal": "--host-port PORT ",
		"https://a.example/path": "--allow a.example:443", "http://a.example": "--allow a.example:80", "https://u:hunter2@a.example:8443/x?y#z": "--allow a.example:8443", "https://[2001:db8::1]/": "--allow [2001:db8::1]:443",
		"ssh://git@a.example/x.git": "--allow a.example:22", "git@a.example:owner/x.git": "--allow a.example:22", "a.example/owner/x": "--allow a.example", "a.example:8443/x": "--allow a.example:8443", "foo://a.example": "--allow a.example",
		"a.example": "", "a.example:22": "", "*.a.example": "", "*": "", "192.0.2.0/24": "", "2001:db8::1": "", "[2001:db8::/32]:443": "", "a..b": "", "192.0.2.1/33": "", "notlocalhost": "", "localhost.example": "", "*:*": "", "x/y": "", "0.0.0.0/0:443": "",
	} {
		f := &runFlags{}
		f.Allow = []text{text(rule)}
		err := checkAllowed(f, []string{rule})
		if got := sandbox.Hint(err); (err != nil) != (hint != "") || !strings.HasPrefix(got, hint) {
			t.Errorf("%s: %v, hint %q, want %q", rule, err, got, hint)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "--allow ")) {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if err := checkAllowed(&runFlags{}, []string{"localhost:1"}); err == nil || !strings.HasPrefix(err.Error(), "the profile's host localhost:1: ") {
		t.Error(err)
	}
}

package sandbox

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestFailedStartKeepsNothing: pipes of a command that did not start are closed.
func TestFailedStartKeepsNothing(t *testing.T) {
	for range 3 { // the pipes that earlier tests left to package net are gone then
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	before := look(t).descriptors
	for range 5 {
		c := Command("no-such-program")
		c.Spec.Project = t.TempDir()
		c.Stdin, c.Stdout, c.Stderr = strings.NewReader("x"), &bytes.Buffer{}, &bytes.Buffer{}
		if err := c.Run(); err == nil {
			t.Fatal("it was no error")
		}
	}
	if after := settled(t, before); after != before {
		t.Errorf("left open\n%s\nafter\n%s", after, before)
	}
}

// TestOneStreamForBoth keeps the order of what is written to both.
func TestOneStreamForBoth(t *testing.T) {
	c := Command("sh", "-c", "echo 1; echo 2 >&2; echo 3")
	c.Spec.Project = t.TempDir()
	h, err := Probe(c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, h, c.Spec)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if out.String() != "1\n2\n3\n" {
		t.Errorf("got %q", out.String())
	}
}

// TestOnce: a Cmd is for one use.
func TestOnce(t *testing.T) {
	c := Command("true")
	c.Spec.Project = t.TempDir()
	_ = c.Run() // whatever comes of it
	if err := c.Run(); err == nil || !strings.Contains(err.Error(), "started before") {
		t.Errorf("got %v", err)
	}
	if err := (&Cmd{}).Wait(); err == nil {
		t.Error("waited for nothing")
	}
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sbxrun/sbx/profiles"
)

// A sandbox of sbx run -d --rm goes with its log, and with what was said there of the
// files that it left. That is kept as a text file below the state directory, which no
// sandbox can write, until it was shown on a terminal. So is what could not be said.

// mostNotice is how much of a file is shown, and mostNotices how many are kept.
const mostNotice, mostNotices = 64 << 10, 100

func noticeDir() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(profiles.NewPlaces(home, "/", os.Getenv).State(), "notices"), nil
}

// keepNotices writes what is to be said of something that has ended. The tag tells it from
// others.
func keepNotices(of, tag string, lines []string) error {
	dir, err := noticeDir()
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("keep what was said: %w", err)
	}
	body := ""
	for _, line := range lines {
		body += plain(line) + "\n"
	}
	old := noticeFiles(dir)
	if len(old) > 0 && saidAlready(filepath.Join(dir, old[len(old)-1]), plain(of), body) {
		return nil // a loop of runs
	}
	if len(old) >= mostNotices {
		_ = os.Remove(filepath.Join(dir, old[0])) // the oldest; it may have been shown just now
	}
	now := time.Now().UTC()
	text := fmt.Sprintf("%s ended %s:\n%s", plain(of), now.Format(time.RFC3339), body)
	return os.WriteFile(filepath.Join(dir, now.Format("20060102T150405.000000Z-")+tag+".txt"), []byte(text), 0o600)
}

// saidAlready tells whether a notice has the same lines of the same command.
func saidAlready(path, of, lines string) bool {
	text, err := readNotice(path)
	first, rest, _ := strings.Cut(text, "\n")
	return err == nil && rest == lines && strings.HasPrefix(first, of+" ended ")
}

// noticeFiles are the kept ones, the oldest first.
func noticeFiles(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // nearly always there is none
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".txt") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// printedSuffix is that of a notice that was printed, but not on a terminal: to the log of a
// script that asks for sandboxes again and again.
const printedSuffix = ".printed.txt"

// showNotices prints what was kept, once, and once more on a terminal. Somebody has seen it then.
func showNotices(u ui) {
	dir, err := noticeDir()
	if err != nil {
		return
	}
	terminal := isTerminal(os.Stderr)
	for _, name := range noticeFiles(dir) {
		path := filepath.Join(dir, name)
		if !terminal && strings.HasSuffix(name, printedSuffix) {
			continue
		}
		text, err := readNotice(path)
		if err != nil {
			u.fail(err, "")
			continue
		}
		for line := range strings.Lines(text) {
			u.say("%s", strings.TrimSuffix(line, "\n"))
		}
		if terminal {
			_ = os.Remove(path) // another sbx may have
		} else if to, ok := strings.CutSuffix(path, ".txt"); ok {
			_ = os.Rename(path, to+printedSuffix)
		}
	}
}

func readNotice(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostNotice))
	text := string(b)
	if info, e := f.Stat(); e == nil && info.Size() > int64(len(b)) {
		text = text[:strings.LastIndexByte(text, '\n')+1] + fmt.Sprintf("%d bytes of notes more\n", info.Size()-int64(len(b)))
	}
	return text, err
}

// noticed are the lines of an error about what a command left.
func noticed(err error) []string {
	var several interface{ Lines() []string }
	if errors.As(err, &several) {
		return several.Lines()
	}
	return nil
}

package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say what of a log is read.
type Options struct {
	// Tail is how many lines from the end, where it is not negative.
	Tail int
	// Since leaves out what is older.
	Since time.Time
	// Follow has the reader wait for more until it is closed, and then read what there
	// is. Nil does not wait.
	Follow <-chan struct{}
	// Idle is called before it waits, where it is not nil.
	Idle func()
}

// A Reader reads a log, also one that is being written.
type Reader struct {
	dir     string
	options Options
	file           // that is read
	next    []file // that are open already: they may be removed
	scan    scanner
	skip    skip
	watch   *watch
	ended   bool
}

type file struct {
	*os.File
	number int
}

// ErrNone says that there is no log.
var ErrNone = errors.New("there is no log")

// Open opens the log in a directory.
func Open(dir string, o Options) (*Reader, error) {
	numbers, err := files(dir)
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: dir, options: o}
	for _, n := range numbers {
		if err := r.open(n); err != nil && !errors.Is(err, fs.ErrNotExist) { // the writer has gone on meanwhile
			r.Close()
			return nil, err
		}
	}
	if len(r.next) == 0 {
		return nil, ErrNone
	}
	r.file, r.next = r.next[0], r.next[1:]
	r.scan.reset(r.file)
	if err := r.count(); err != nil {
		r.Close()
		return nil, err
	}
	if o.Follow != nil {
		r.watch = newWatch(dir)
	}
	return r, nil
}

// files gives the numbers of a log's files.
func files(dir string) (numbers []int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "log.")
		if n, err := strconv.Atoi(number); ok && err == nil && n > 0 && strconv.Itoa(n) == number {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// open opens a file that is to be read after those that are open.
func (r *Reader) open(number int) error {
	f, err := os.Open(path(r.dir, number))
	if err == nil {
		r.next = append(r.next, file{f, number})
	}
	return err
}

// Next gives the next record, and io.EOF when there will be none.
func (r *Reader) Next() (Record, error) {
	for {
		rec, err := r.scan.next()
		switch {
		case err == nil && r.skip.skips(rec):
			continue
		case err != io.EOF:
			return rec, err
		}
		gone, more, err := r.advance()
		switch {
		case err != nil || gone.Text != nil:
			return gone, err
		case more:
		case r.options.Follow == nil || r.ended:
			if rec, ok := r.scan.cut(); ok {
				return rec, nil
			}
			return Record{}, io.EOF
		default:
			if r.options.Idle != nil {
				r.options.Idle()
			}
			r.ended = r.watch.wait(r.options.Follow)
		}
	}
}

// advance goes on with the next file, where there is one. The one that is read is
// whole then, but something may have come between its end and the look for the next.
// A reader that was too slow is told so by a record.
func (r *Reader) advance() (gone Record, more bool, err error) {
	if len(r.next) == 0 {
		if err := r.successor(); err != nil || len(r.next) == 0 {
			return gone, false, err
		}
	}
	if err := r.scan.fill(); err != io.EOF {
		return gone, err == nil, err
	}
	if n := r.next[0].number - r.number - 1; n > 0 {
		gone = Record{Time: time.Now(), Stream: Sbx, Text: fmt.Appendf(nil, "files of the log that were gone before they were read: %d", n)}
	}
	r.file.Close()
	r.file, r.next = r.next[0], r.next[1:]
	r.scan.reset(r.file)
	return gone, true, nil
}

// successor opens the file after the one that is read, or the first that is left.
func (r *Reader) successor() error {
	err := r.open(r.number + 1)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Lstat(path(r.dir, r.number)); err == nil {
		return nil
	}
	numbers, err := files(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the sandbox was removed
	}
	for _, n := range numbers {
		if n <= r.number {
			continue
		}
		if err := r.open(n); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// Close lets go of the log.
func (r *Reader) Close() error {
	for _, f := range r.next {
		f.Close()
	}
	r.watch.close()
	return r.file.Close() // with a nil file too
}

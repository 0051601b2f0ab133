package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// DefaultMax is how much a log takes where nobody says otherwise.
const DefaultMax = 10 << 20

// MinMax is the smallest bound that a log can be kept within.
const MinMax = 64 << 10

// flushed is how many bytes of records are written at once, at the least.
const flushed = 32 << 10

// A Journal is a log that is written. Nothing that happens to it is an error of the
// command's: what cannot be written is counted, and said.
type Journal struct {
	dir string
	max int64 // of a file

	mu      sync.Mutex
	streams []*Stream
	file    *os.File
	number  int
	size    int64  // of the file
	older   int64  // of the one before
	batch   []byte // records that are to be written
	texts   int64  // how many bytes of them are text
	room    int64  // may be written until the file system is asked again
	lost    int64  // bytes of text that could not be written
	why     error
	noted   bool // that some could not
	now     func() time.Time
	spare   func(*os.File) (int64, error)
}

// Create begins a log in a directory, which takes no more than max bytes. Where there is one,
// it goes on behind that.
func Create(dir string, max int64) (*Journal, error) {
	if max < MinMax {
		return nil, fmt.Errorf("a log takes %d KiB at least", MinMax>>10)
	}
	j := &Journal{dir: dir, max: max / 2, number: 1, now: time.Now, spare: spare}
	before, err := files(dir)
	if n := len(before); err == nil && n > 0 {
		j.number = before[n-1] + 1
		for _, old := range before[:n-1] {
			err = errors.Join(err, remove(dir, old))
		}
		if fi, e := os.Stat(path(dir, before[n-1])); e == nil {
			j.older = fi.Size()
		}
	}
	if err == nil {
		j.file, err = create(dir, j.number)
	}
	return j, err
}

func create(dir string, number int) (*os.File, error) {
	return os.OpenFile(path(dir, number), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
}

func path(dir string, number int) string {
	return filepath.Join(dir, "log."+strconv.Itoa(number))
}

// record adds a record to the batch.
func (j *Journal) record(head, text []byte) {
	j.batch = append(append(append(j.batch, head...), text...), '\n')
	j.texts += int64(len(text))
	if len(j.batch) >= flushed {
		j.flush()
	}
}

// flush writes the batch.
func (j *Journal) flush() {
	if len(j.batch) == 0 || j.file == nil {
		return
	}
	err := j.makeRoom(int64(len(j.batch)))
	if err == nil && j.lost > 0 && !j.noted {
		j.noteLoss()
	}
	if err == nil {
		err = j.write(j.batch)
	}
	if err != nil {
		j.lost, j.why = j.lost+j.texts, err
		if !j.noted {
			j.noteLoss()
		}
	}
	j.batch, j.texts = j.batch[:0], 0
}

// write writes whole records. What a full disk took of them is taken back: a reader
// would put it together with what follows.
func (j *Journal) write(b []byte) error {
	n, err := j.file.Write(b)
	if err == nil {
		j.size += int64(n)
		return nil
	}
	j.room = 0
	if n > 0 {
		err = errors.Join(err, j.file.Truncate(j.size))
	}
	return err
}

// rotate begins the next file. The one before the last is removed, and the last too
// unless it is to be kept.
func (j *Journal) rotate(keep bool) error {
	next, err := create(j.dir, j.number+1)
	if err != nil {
		return err
	}
	j.file.Close()
	err = remove(j.dir, j.number-1)
	if !keep {
		err = errors.Join(err, remove(j.dir, j.number))
		j.size = 0
	}
	j.file, j.number, j.older, j.size = next, j.number+1, j.size, 0
	return err
}

func remove(dir string, number int) error {
	err := os.Remove(path(dir, number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// noteLoss says that output is lost from here on. It may take what makeRoom leaves.
func (j *Journal) noteLoss() {
	note := appendHead(nil, j.now(), Sbx, 'F')
	note = append(note, "output is lost from here on: "+cause(j.why)+"\n"...)
	j.noted = j.write(note) == nil
}

// Close writes what is left. What is written afterwards is dropped.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	for _, s := range j.streams {
		s.release()
	}
	j.flush()
	if j.lost > 0 {
		note := appendHead(nil, j.now(), Sbx, 'F')
		_ = j.write(append(note, fmt.Sprintf("%d bytes of output were lost: %s\n", j.lost, cause(j.why))...)) // there may be no room for this
	}
	err := j.file.Close()
	j.file = nil
	return err
}

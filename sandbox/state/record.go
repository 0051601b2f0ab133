package state

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// version is that of the records that this program writes. It reads older ones. It
// changes when a field comes to mean another thing, not when one is added.
const version = 1

// A Status is what a sandbox is doing.
type Status string

const (
	Starting   Status = "starting"
	Running    Status = "running"
	Paused     Status = "paused"
	Restarting Status = "restarting" // it waits before it is begun again
	Exited     Status = "exited"
	// Dead is one whose supervisor was killed, and all of it with that.
	Dead Status = "dead"
)

// A Record says what a sandbox is. Its JSON form is in the sandbox's directory, and
// is an interface: sbx inspect prints it.
type Record struct {
	Version int      `json:"version"`
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Status  Status   `json:"status"`
	Command []string `json:"command"`
	View    string   `json:"view"`
	Image   string   `json:"image,omitempty"`
	Rootfs  string   `json:"rootfs,omitempty"`
	Project string   `json:"project,omitempty"`
	// Writable are the host's files and directories that it may write, besides the project.
	Writable []string `json:"writable,omitempty"`
	Net      string   `json:"net,omitempty"`
	// Published are ports, [IP:]HOST:SANDBOX/tcp|udp.
	Published []string `json:"published,omitempty"`

	Created  time.Time `json:"created"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	// Boot is when it started, or finished when it has, by the clock that nobody
	// sets (CLOCK_BOOTTIME), in nanoseconds.
	Boot int64 `json:"boot,omitempty"`

	// Supervisor and PID are process ids, to look at. Nothing goes by them.
	Supervisor int `json:"supervisor"`
	PID        int `json:"pid,omitempty"`
	// Exit is the command's exit code as a shell tells it, and Error why sbx itself
	// failed.
	Exit  *int   `json:"exit,omitempty"`
	Error string `json:"error,omitempty"`

	Detached bool   `json:"detached,omitempty"`
	Terminal bool   `json:"terminal,omitempty"`
	Stdin    bool   `json:"stdin,omitempty"`
	Remove   bool   `json:"remove,omitempty"` // when it has ended
	Restart  string `json:"restart,omitempty"`
	Restarts int    `json:"restarts,omitempty"`
	// Labels are what the caller describes it by.
	Labels map[string]string `json:"labels,omitempty"`
	// Bytes are what of the fields above is no text, which JSON would change.
	Bytes *recordBytes `json:"bytes,omitempty"`
	// Limits are in words, as they were asked for, and Cgroup where they are.
	Limits []string `json:"limits,omitempty"`
	Cgroup string   `json:"cgroup,omitempty"`
}

// Writable are the host's directories in which sandboxes may have made links. Those of one
// that has ended count too: its links are still there.
func Writable(records []Record) (dirs []string) {
	for _, r := range records {
		dirs = append(append(dirs, r.Project), r.Writable...)
	}
	return dirs
}

// Alive tells whether there is something to enter or to signal.
func (r Record) Alive() bool { return r.Status != Exited && r.Status != Dead }

// Since is how long ago it started or ended. A record from before the machine was
// last started cannot be: the directory is gone then, or the wall clock has to do.
func (r Record) Since() time.Duration {
	if d := time.Duration(bootNow() - r.Boot); r.Boot != 0 && d >= 0 {
		return d
	}
	at := r.Created
	if !r.Started.IsZero() {
		at = r.Started
	}
	if !r.Finished.IsZero() {
		at = r.Finished
	}
	return max(time.Since(at), 0)
}

func bootNow() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) // it cannot fail
	return t.Nano()
}

// maxRecord is the size of the largest record that is read.
const maxRecord = 16 << 20

// A NewerError is about a record of a version that is not known here.
type NewerError struct {
	ID      string
	Version int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("sandbox %s was made by a newer sbx (record version %d, this one knows %d)", e.ID, e.Version, version)
}

// Hint names what mends it.
func (e *NewerError) Hint() string { return "use the newer sbx, or remove it with that" }

// readRecord reads the record in a sandbox's directory.
func readRecord(dir string) (r Record, err error) {
	f, err := os.Open(filepath.Join(dir, "record.json"))
	if err != nil {
		return r, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return r, err
	}
	return parseRecord(filepath.Base(dir), b)
}

func parseRecord(id string, b []byte) (r Record, err error) {
	var v struct{ Version int }
	if err := json.Unmarshal(b, &v); err != nil {
		return r, fmt.Errorf("sandbox %s: its record: %w", id, err)
	}
	if v.Version > version {
		return Record{ID: id, Version: v.Version}, &NewerError{id, v.Version}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("sandbox %s: its record: %w", id, err)
	}
	r.ID = id // where it is says which it is
	r.Bytes.restore(&r)
	r.Bytes = nil
	return r, nil
}

// recordBytes are the fields of a record that name files, as they are. Names of files need
// not be UTF-8.
type recordBytes struct {
	Command, Writable      [][]byte
	Rootfs, Image, Project []byte
}

// bytesOf gives them where one of them is no text.
func bytesOf(r Record) *recordBytes {
	for _, s := range append(append([]string{r.Rootfs, r.Image, r.Project}, r.Command...), r.Writable...) {
		if !utf8.ValidString(s) {
			return &recordBytes{byteSlices(r.Command), byteSlices(r.Writable), []byte(r.Rootfs), []byte(r.Image), []byte(r.Project)}
		}
	}
	return nil
}

func (b *recordBytes) restore(r *Record) {
	if b != nil {
		r.Command, r.Writable = stringsOf(b.Command), stringsOf(b.Writable)
		r.Rootfs, r.Image, r.Project = string(b.Rootfs), string(b.Image), string(b.Project)
	}
}

func byteSlices(list []string) (out [][]byte) {
	for _, s := range list {
		out = append(out, []byte(s))
	}
	return out
}

func stringsOf(list [][]byte) (out []string) {
	for _, b := range list {
		out = append(out, string(b))
	}
	return out
}

// write puts a record in the place of the one that is there. A reader sees one or the
// other; it need not outlast the machine.
func (r Record) write(dir string) error {
	r.Version, r.Bytes = version, bytesOf(r)
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	next := filepath.Join(dir, ".record.json")
	if err := os.WriteFile(next, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, "record.json"))
}

package journal

import (
	"bytes"
	"time"
)

// The streams.
const (
	Stdout = "stdout"
	Stderr = "stderr"
	Sbx    = "sbx" // what is said about the command
)

// maxText is how much of a line is in one record.
const maxText = 16 << 10

// Stamp is RFC 3339 with all digits, so that records line up.
const Stamp = "2006-01-02T15:04:05.000000000Z07:00"

// maxRecord is the length of the longest record.
const maxRecord = maxText + len(Stamp) + len(" stdout F \n")

// A Record is a line, or a part of one.
type Record struct {
	Time    time.Time
	Stream  string
	Partial bool   // the line goes on
	Text    []byte // without the line's end; good until the next record is read
}

// appendHead appends what stands before a record's text.
func appendHead(b []byte, at time.Time, stream string, tag byte) []byte {
	b = at.UTC().AppendFormat(b, Stamp)
	b = append(b, ' ')
	b = append(b, stream...)
	return append(b, ' ', tag, ' ')
}

// parse reads a record, without the newline behind it.
func parse(line []byte) (r Record, ok bool) {
	at, rest, _ := bytes.Cut(line, []byte(" "))
	if len(at) > len(Stamp) {
		return r, false
	}
	stream, rest, _ := bytes.Cut(rest, []byte(" "))
	switch string(stream) {
	case Stdout:
		r.Stream = Stdout
	case Stderr:
		r.Stream = Stderr
	case Sbx:
		r.Stream = Sbx
	default:
		return r, false
	}
	if len(rest) < 2 || rest[0] != 'F' && rest[0] != 'P' || rest[1] != ' ' || len(rest)-2 > maxText {
		return r, false
	}
	var err error
	if r.Time, err = time.Parse(time.RFC3339Nano, string(at)); err != nil {
		return r, false
	}
	r.Partial, r.Text = rest[0] == 'P', rest[2:]
	return r, true
}

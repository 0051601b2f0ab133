package unpack

import (
	"bytes"
	"io"

	"golang.org/x/sys/unix"
)

// holeSize is the least that is left out of a file. Smaller holes would break a
// file into pieces on the disk for little.
const holeSize = 64 << 10

var zeros [holeSize]byte

// copy writes the content of an entry. Blocks of zeros are not written: a sparse
// file stays one, whatever tells the tar so.
func (u *unpacker) copy(fd int, size int64) error {
	hole := false
	for at := int64(0); at < size; {
		part := u.buf[:min(size-at, copySize)]
		if _, err := io.ReadFull(u.tar, part); err != nil {
			return err
		}
		var err error
		if hole, err = writeParts(fd, part, at); err != nil {
			return err
		}
		at += int64(len(part))
	}
	if hole {
		return unix.Ftruncate(fd, size)
	}
	return nil
}

// writeParts writes what is not zeros, and tells whether zeros are at the end.
func writeParts(fd int, part []byte, at int64) (hole bool, err error) {
	from := 0 // what is not written yet
	for i := 0; i < len(part); i += holeSize {
		block := part[i:min(i+holeSize, len(part))]
		if hole = bytes.Equal(block, zeros[:len(block)]); !hole {
			continue
		}
		if err := write(fd, part[from:i], at+int64(from)); err != nil {
			return hole, err
		}
		from = i + len(block)
	}
	return hole, write(fd, part[from:], at+int64(from))
}

func write(fd int, part []byte, at int64) error {
	for len(part) > 0 {
		n, err := unix.Pwrite(fd, part, at)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			part, at = part[n:], at+int64(n)
		}
	}
	return nil
}

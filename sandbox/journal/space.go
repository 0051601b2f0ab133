package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// asked is how much is written until the file system is asked again how much is free.
const asked = 256 << 10

// makeRoom sees to it that n more bytes may be written: the file may have become too
// large, or the file system may be about to be full.
//
// It is most often a small one in memory, which the session's other programs need too,
// and where the sandbox's own record has to be written yet. So the log leaves some of
// it free, and lets go of its older part before it loses anything new. It keeps that
// where to let go would not help: then others have filled the disk.
func (j *Journal) makeRoom(n int64) error {
	if j.size > 0 && j.size+n > j.max {
		if err := j.rotate(true); err != nil {
			return err
		}
	}
	if j.room >= n {
		j.room -= n
		return nil
	}
	spare, err := j.spare(j.file)
	if err != nil {
		return err
	}
	switch {
	case spare >= n:
	case j.older > 0 && spare+j.older >= n:
		if err := remove(j.dir, j.number-1); err != nil {
			return err
		}
		j.older = 0
	case j.older+j.size > 0 && spare+j.older+j.size >= n:
		if err := j.rotate(false); err != nil {
			return err
		}
	default:
		return unix.ENOSPC
	}
	if spare, err = j.spare(j.file); err != nil {
		return err
	}
	if spare < n {
		return unix.ENOSPC
	}
	j.room = min(spare-n, asked)
	return nil
}

// spare is how much may be written to the file system, or less than nothing.
func spare(file *os.File) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &fs); err != nil {
		return 0, os.NewSyscallError("fstatfs", err)
	}
	block := int64(fs.Bsize)
	if fs.Blocks == 0 {
		return asked, nil // a file system without a size
	}
	return int64(fs.Bavail)*block - min(int64(fs.Blocks)*block/8, 16<<20), nil
}

// cause says why something was not written, without the names of files.
func cause(err error) string {
	var no unix.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return err.Error()
}

package child

import "unsafe"

// execute is execvp(3) without its search: the paths are the search. EACCES on
// one of them is remembered, as a shell does, and any other error than "not
// there" is final. The path that was not there although it is (a missing
// loader) is told from one that is not.
//
//go:nosplit
//go:norace
func execute(p *Program, e *Execution) uintptr {
	last := uintptr(enoent)
	if e.Runs != nil {
		*e.Runs = 1
	}
	for _, path := range e.Paths {
		if magic(path) {
			return eloop
		}
		_, errno := result(call6(sysExecve, uintptr(unsafe.Pointer(path)),
			uintptr(unsafe.Pointer(&e.Argv[0])), uintptr(unsafe.Pointer(&e.Env[0])), 0, 0, 0))
		switch errno {
		case eacces:
			last = errno
		case enoent:
			_, missing := result(call6(sysFaccessat, AtCwd, uintptr(unsafe.Pointer(path)), 0, 0, 0, 0))
			if missing == 0 {
				p.Detail = DetailNoLoader
				return errno
			}
		case enotdir:
		default:
			return errno
		}
	}
	return last
}

// magic tells whether a path leads through a link of /proc to what a process has
// open. A program of a root file system that is a link to /proc/self/exe would be
// sbx itself, and its file within reach of what runs inside (CVE-2019-5736).
//
//go:nosplit
//go:norace
func magic(path *byte) bool {
	how := [3]uint64{oPath | oCloexec, 0, resolveNoMagiclinks} // struct open_how
	fd, errno := result(call6(sysOpenat2, AtCwd, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0))
	if errno == 0 {
		call6(sysClose, fd, 0, 0, 0, 0, 0)
	}
	return errno == eloop
}

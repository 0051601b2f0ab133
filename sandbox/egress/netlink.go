package egress

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// message is one of netlink(7)'s.
func message(kind, flags uint16, body []byte) []byte {
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, flags)
	m = append(m, make([]byte, 8)...) // sequence, port
	return pad(append(m, body...))
}

// attribute adds one to a message.
func attribute(to []byte, kind uint16, value []byte) []byte {
	to = binary.NativeEndian.AppendUint16(to, uint16(unix.SizeofRtAttr+len(value)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	return pad(append(to, value...))
}

// pad has the next message or attribute begin at a multiple of four bytes.
func pad(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }

var errNoSense = errors.New("the kernel's answer makes no sense")

// ask sends messages, of which one at least wants an answer, and gives the first error
// of them.
func ask(f *os.File, m []byte) error {
	if err := unix.Sendto(int(f.Fd()), m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer, err := hear(f)
	if err != nil {
		return err
	}
	if len(answer) < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errNoSense
	}
	return answered(answer)
}

// answered is the error that an answer is of, or nil.
func answered(answer []byte) error {
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

func hear(f *os.File) ([]byte, error) {
	answer := make([]byte, 8192)
	n, _, err := unix.Recvfrom(int(f.Fd()), answer, 0)
	if err != nil {
		return nil, err
	}
	return answer[:n], nil
}

package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A reader goes through a JSON document piece by piece and knows where it is.
// Unlike json.Unmarshal it takes keys as they are written and each only once: of
// two actions in one entry the reader of the file and the program would see
// different ones. null is the same as nothing.
type reader struct {
	json *json.Decoder
	path []string
}

func newReader(data []byte) *reader {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return &reader{json: d}
}

// fail adds the place to an error, unless that has been done.
func (r *reader) fail(err error) error {
	var placed *placeError
	if errors.As(err, &placed) {
		return err
	}
	return &placeError{strings.TrimPrefix(strings.Join(r.path, ""), "."), r.json.InputOffset(), err}
}

type placeError struct {
	path   string
	offset int64
	error
}

func (e *placeError) Error() string {
	if e.path == "" {
		return fmt.Sprintf("seccomp profile: at byte %d: %v", e.offset, e.error)
	}
	return fmt.Sprintf("seccomp profile: %s, at byte %d: %v", e.path, e.offset, e.error)
}

func (e *placeError) Unwrap() error { return e.error }

func (r *reader) token() (json.Token, error) {
	t, err := r.json.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, r.fail(err)
	}
	return t, nil
}

// in does something at a place below the present one.
func (r *reader) in(part string, do func() error) error {
	r.path = append(r.path, part)
	if err := do(); err != nil {
		return r.fail(err)
	}
	r.path = r.path[:len(r.path)-1]
	return nil
}

// open starts an object or a list; false stands for null.
func (r *reader) open(delim json.Delim, what string) (bool, error) {
	t, err := r.token()
	if err != nil || t == nil {
		return false, err
	}
	if t != delim {
		return false, r.fail(fmt.Errorf("this is not %s", what))
	}
	return true, nil
}

func (r *reader) object(field func(key string) error) error {
	if ok, err := r.open('{', "an object"); !ok {
		return err
	}
	seen := map[string]bool{}
	for r.json.More() {
		t, err := r.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok || seen[key] {
			return r.fail(fmt.Errorf("key %q is there twice", key))
		}
		seen[key] = true
		if err := r.in("."+key, func() error { return field(key) }); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

func (r *reader) list(item func() error) error {
	if ok, err := r.open('[', "a list"); !ok {
		return err
	}
	for i := 0; r.json.More(); i++ {
		if err := r.in("["+strconv.Itoa(i)+"]", item); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

func (r *reader) string(to *string) error {
	t, err := r.token()
	if err != nil || t == nil {
		return err
	}
	s, ok := t.(string)
	if !ok {
		return errors.New("this is not a string")
	}
	*to = s
	return nil
}

func (r *reader) strings(to *[]string) error {
	return r.list(func() error {
		var s string
		if err := r.string(&s); err != nil {
			return err
		}
		*to = append(*to, s)
		return nil
	})
}

// number reads a whole number of 64 bits, without the detour by floating point
// that would change masks. It leaves nil for null.
func (r *reader) number() (*uint64, error) {
	t, err := r.token()
	if err != nil || t == nil {
		return nil, err
	}
	n, ok := t.(json.Number)
	if !ok {
		return nil, errors.New("this is not a number")
	}
	v, err := strconv.ParseUint(n.String(), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is not a whole number from 0 to 2^64-1", n)
	}
	return &v, nil
}

// end makes sure that nothing follows.
func (r *reader) end() error {
	if _, err := r.json.Token(); !errors.Is(err, io.EOF) {
		return r.fail(errors.New("something follows the profile"))
	}
	return nil
}

package sandbox

import "errors"

// hintError is an error with the command or the setting that mends it.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }
func (e *hintError) Hint() string  { return e.hint }

func hinted(err error, hint string) error {
	if err == nil || hint == "" {
		return err
	}
	return &hintError{err, hint}
}

// Hint tells what would mend an error of this package, or of another one whose errors
// have a method Hint, or nothing.
func Hint(err error) string {
	var h interface {
		error
		Hint() string
	}
	if errors.As(err, &h) {
		return h.Hint()
	}
	return limitHint(err)
}

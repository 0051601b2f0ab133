package refusal

// Error is an error of userns with what is to blame before it, and what mends it.
type Error struct {
	Cause string
	Err   error
	mend  string
}

func (e *Error) Error() string {
	if e.Cause == "" {
		return e.Err.Error()
	}
	return e.Cause + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is what mends it.
func (e *Error) Hint() string { return e.mend }

// verdict is what is to blame, and what mends it. Zero is not known.
type verdict struct{ cause, mend string }

func (v verdict) of(err error) error {
	if v == (verdict{}) {
		return err
	}
	return &Error{v.cause, err, v.mend}
}

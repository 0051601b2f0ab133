package hint

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf16"
)

// WriteJSON writes a value, indented, as JSON that a terminal can be shown: what SafeText
// escapes is escaped in it too. The encoder by itself leaves DEL, the controls U+0080 to
// U+009F, of which U+009B begins a command to a terminal, and all that turns the direction
// of writing.
func WriteJSON(w io.Writer, what any) error { return writeJSON(w, what, "  ") }

// WriteJSONLine writes it in one line.
func WriteJSONLine(w io.Writer, what any) error { return writeJSON(w, what, "") }

func writeJSON(w io.Writer, what any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(what); err != nil {
		return err
	}
	_, err := w.Write(EscapeJSON(b.Bytes()))
	return err
}

// EscapeJSON escapes in JSON what a terminal would obey. All but strings is ASCII there,
// so that nothing else is changed.
func EscapeJSON(b []byte) []byte {
	if !bytes.ContainsFunc(b, escaped) {
		return b
	}
	out := make([]byte, 0, len(b)+len(b)/8)
	unit := func(u rune) {
		const digits = "0123456789abcdef"
		out = append(out, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	for _, r := range string(b) {
		switch {
		case !escaped(r):
			out = append(out, string(r)...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			unit(high)
			unit(low)
		default:
			unit(r)
		}
	}
	return out
}

// escaped tells of bytes that are not UTF-8 too, which are read as U+FFFD.
func escaped(r rune) bool { return r != '\n' && (r == '\ufffd' || !strconv.IsPrint(r)) }

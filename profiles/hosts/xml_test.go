package hosts

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// encodingXML reads a document as package encoding/xml does, without attributes.
func encodingXML(text string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	root := &element{}
	open := []*element{root}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		here := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			here.children = append(here.children, e)
			open = append(open, e)
		case xml.EndElement:
			if len(open) == 1 || t.Name.Local != here.name {
				return nil, errXML
			}
			open = open[:len(open)-1]
		case xml.CharData:
			here.text = append(here.text, t...)
		}
	}
	if len(open) != 1 || len(root.children) != 1 {
		return nil, errXML
	}
	return root.children[0], nil
}

func words(e *element) string {
	var b strings.Builder
	b.WriteString(e.name + "(" + e.word())
	for _, c := range e.children {
		b.WriteString(words(c))
	}
	return b.String() + ")"
}

func TestXML(t *testing.T) {
	for _, text := range []string{
		"\uFEFF<?xml version=\"1.0\"?>\n<a/>", "<a b='>' c=\"/\"><!-- </a> --><b>1 &amp;lt; 2</b><b><![CDATA[<c>&]]></b>\r\n<d\n e='1' /></a >", "<a>x<b/>y</a>",
	} {
		got, err := parseXML(text)
		want, e := encodingXML(strings.TrimPrefix(text, "\uFEFF"))
		if err != nil || e != nil || words(got) != words(want) {
			t.Errorf("%q: %v, want %v (%v, %v)", text, got, want, err, e)
		}
	}
	for _, text := range []string{
		"", "a", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>x", "<!DOCTYPE a><a/>", "<a><!-- </a>", "<a b='></a>", "<a <b/></a>", "< a/>",
		"<a><![CDATA[</a>", strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
	} {
		if got, err := parseXML(text); err == nil {
			t.Errorf("%q was taken for %s", text, words(got))
		}
	}
}

// FuzzXML: what both take for XML they take for the same.
func FuzzXML(f *testing.F) {
	f.Add("<a b='>'><!-- x --><b>1 &amp; 2</b><![CDATA[<c>]]></a>")
	f.Add("<?xml version='1.0'?><settings><mirrors><mirror><url>https://a</url></mirror></mirrors></settings>")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseXML(text)
		if err != nil {
			return
		}
		if want, e := encodingXML(text); e == nil && !strings.ContainsAny(text, "\r:#\uFEFF") && words(got) != words(want) {
			t.Errorf("%q: %s, want %s", text, words(got), words(want))
		}
	})
}

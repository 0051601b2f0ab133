// Package journal is the log of a detached command: what it wrote, line by line, and
// what sbx said meanwhile.
//
// A record is a line of the form that Kubernetes' container runtimes write:
//
//	2006-01-02T15:04:05.000000000Z stdout F text
//
// with the stream (stdout, stderr, or sbx itself) and F, or P where the line goes on in
// the stream's next record: it was too long for one record, or rested for a while, as
// the prompt of a question does. The text is as it was written, whatever it was; so the
// records of a stream, put together, are the stream, byte for byte.
//
// The files are log.1, log.2 and so on, of which the last two are kept. A number is
// never used again, and a file that has a successor is never written again: that is all
// a reader has to know to follow.
//
// The bytes are an untrusted program's. Nothing here is fit for a terminal.
package journal

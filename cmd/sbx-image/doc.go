// Command sbx-image is the part of sbx that brings images in and looks after them.
// sbx runs it for sbx image, sbx images and sbx pull. It is a program of its own
// because an HTTP client and decompressors would cost every sbx run a millisecond. For the
// same reason it speaks TLS to a proxy that sbx run goes by.
package main

// Package usage makes help, man pages, completions and better errors of the grammars of
// sbx and sbx-image.
package usage

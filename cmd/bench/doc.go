// Command bench measures how long sbx takes to start, beside its peers, in one
// run. Only ratios within one run mean anything.
package main

// true exits with 0. It is a program for roots that have nothing else.
package main

func main() {}

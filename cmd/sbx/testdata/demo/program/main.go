// words counts the words of its input and prints the three most frequent.
package main

import (
	"fmt"
	"os"

	"example.org/words/count"
)

func main() {
	for _, w := range count.Top(os.Stdin, 3) {
		fmt.Printf("%3d %s\n", w.Times, w.Text)
	}
}

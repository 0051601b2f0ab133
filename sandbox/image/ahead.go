package image

import "io"

// An ahead reader reads on in a goroutine while what it has read is used: one
// processor decompresses then, and another hashes.
type ahead struct {
	*io.PipeReader
	ended chan struct{}
}

func readAhead(from io.Reader) ahead {
	r, w := io.Pipe()
	a := ahead{r, make(chan struct{})}
	go func() {
		defer close(a.ended)
		block := make([]byte, blockSize)
		var err error
		for err == nil {
			var n int
			n, err = fill(from, block)
			if _, e := w.Write(block[:n]); e != nil { // nobody reads any more
				err = e
			}
		}
		w.CloseWithError(err)
	}()
	return a
}

// fill reads a whole block, as io.ReadFull does, but tells the end of a stream from a
// stream that is cut.
func fill(from io.Reader, block []byte) (n int, err error) {
	for n < len(block) && err == nil {
		var m int
		m, err = from.Read(block[n:])
		n += m
	}
	return n, err
}

// end waits until nothing reads any more.
func (a ahead) end() {
	a.Close()
	<-a.ended
}

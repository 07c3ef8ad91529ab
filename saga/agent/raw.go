package agent

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/unwind-saga/unwind/events"
)

// mostBody is how much of the body of an answer is read at the most, to say how
// long it was.
const mostBody = 1 << 20

// readRaw reads the beginning of an answer, and counts the rest. What cannot be
// read is left out: that it failed is known already.
func readRaw(body io.Reader) (begin []byte, cut int64) {
	if body == nil {
		return nil, 0
	}
	// A little more than is kept, so that it can be cut between two letters.
	begin, err := io.ReadAll(io.LimitReader(body, events.MaxRaw+utf8.UTFMax))
	if err == nil {
		cut, _ = io.Copy(io.Discard, io.LimitReader(body, mostBody))
	}
	return begin, cut
}

// rawOf is an answer as it is written: text, cut between two letters. cut is
// what was left out of it before.
func rawOf(answer []byte, cut int64) *events.Raw {
	if len(answer) == 0 {
		return nil
	}
	n := len(answer)
	if n > events.MaxRaw {
		n = events.MaxRaw
		for back := range utf8.UTFMax { // what is no text at all is cut anywhere
			if utf8.RuneStart(answer[n-back]) {
				n -= back
				break
			}
		}
	}
	return &events.Raw{
		Text: strings.ToValidUTF8(string(answer[:n]), "?"),
		Cut:  cut + int64(len(answer)-n),
	}
}

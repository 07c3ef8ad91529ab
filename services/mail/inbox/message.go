package inbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"
)

// Message is one letter as it came.
type Message struct {
	Number    int       `json:"number"` // from 1, in the order of arrival
	At        time.Time `json:"at"`
	From      string    `json:"from"` // of the envelope
	To        []string  `json:"to"`
	MessageID string    `json:"message_id"` // without its brackets
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	Raw       []byte    `json:"raw"`
}

// read fills in what the content says, as far as it can be read: a letter that
// cannot be is kept all the same.
func (m *Message) read() {
	letter, err := netmail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return
	}
	m.MessageID = strings.Trim(letter.Header.Get("Message-Id"), "<> ")
	m.Subject = letter.Header.Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(m.Subject); err == nil {
		m.Subject = decoded
	}
	body := letter.Body
	switch strings.ToLower(letter.Header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, _ := io.ReadAll(body)
	m.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
}

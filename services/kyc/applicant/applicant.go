// Package applicant is the task of the KYC saga: the person who wants to be
// known, their passport and their selfie, as an upstream submits them.
//
// Begin with [Read]. The form is JSON, byte strings in base64, and [Schema] is
// its JSON Schema (draft 2020-12), which the entry agent holds every task
// against; task.schema.json is the same for others to fetch. What the two images
// hold is for the agents to find out, as is what the lines say.
//
// Both images and their 4/3 of base64 must fit into one NATS message, whose
// default limit is 1 MiB: the schema allows 360,000 bytes for each.
package applicant

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Applicant is one task.
type Applicant struct {
	Name     string   `json:"name"` // as they write it themselves, in any script
	Email    string   `json:"email"`
	Document Document `json:"document"`
	Selfie   []byte   `json:"selfie"` // JPEG or PNG
}

// Document is the data page of a passport.
type Document struct {
	MRZ      []string `json:"mrz"`      // its machine-readable zone: two lines, or both in one string
	Portrait []byte   `json:"portrait"` // JPEG or PNG
}

// Schema is the JSON Schema of a task.
//
//go:embed task.schema.json
var Schema []byte

// Read reads one task. It demands that the JSON be one value of this shape with
// nothing else in it; whether the values are acceptable is the schema's affair.
func Read(task []byte) (Applicant, error) {
	var a Applicant
	d := json.NewDecoder(bytes.NewReader(task))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return Applicant{}, fmt.Errorf("read applicant: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Applicant{}, errors.New("read applicant: more than one JSON value")
	}
	return a, nil
}

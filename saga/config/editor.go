package config

import _ "embed"

//go:embed agent.schema.json
var editorSchema []byte

// EditorSchema is a JSON Schema (draft 7, which editors know best) of an
// agent's file, for completion and for marks while typing:
//
//	# yaml-language-server: $schema=agent.schema.json
//
// It knows the form of each value, and accepts ${NAME} wherever a value may
// stand. Rules between keys are [Load]'s alone.
func EditorSchema() []byte { return append([]byte(nil), editorSchema...) }

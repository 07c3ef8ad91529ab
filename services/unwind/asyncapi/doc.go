// Package asyncapi describes the wire as an AsyncAPI 3.0 document, and its data as
// JSON Schemas, for whoever joins with nothing but a NATS client:
//
//	doc, err := asyncapi.Generate(asyncapi.Options{})                            // any saga type
//	doc, err := asyncapi.Generate(asyncapi.Options{Saga: "kyc", Agents: configs}) // one, with its steps, agents and schemas
//	text, err := doc.YAML()
//
// Nothing in it is written down twice. The subjects are printed by the code that
// prints them on the wire, with the names of their parts instead of values; the
// guards are asked of [events.Subject.Guard]; the headers and the examples come
// out of [events.Encode], the payloads out of [events.Schema], and what an agent
// listens to is what package agent makes of its configuration. So the document
// changes when the wire does, and its golden file shows it.
//
// What no schema can say (what comes after what, and what a refusal means) stands
// in the document's description: guide.md.
//
// It is deliberately no substitute for the rules: who decides what follows a
// failure needs the fold, whose prose is in package saga.
package asyncapi
